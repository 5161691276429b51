import type { Clock } from '../clock.ts';
import { isNewer } from '../dns/serial.ts';
import type { InTransfer } from './in-transfer.ts';
import type { DueNotification, PeerName } from './outbox.ts';
import type { Rate } from './rate.ts';

/** NOTIFYs that wait for one secondary's reply at once, and while it is silent. */
const WINDOW = 64;
const WINDOW_WHILE_SILENT = 8;
/** Silences in a row after which a secondary counts as silent. */
const SILENCES = 8;
/** Milliseconds after an answer for which a secondary counts as one that answers. */
const ANSWERING = 60_000;
/** Milliseconds until a secondary with as many zones on their way as it takes is looked at again. */
const UNTIL_ROOM = 50;
/** Rows in line behind a full window, at most, and seconds of sending that they may make up. */
const LINE = 500;
const LINE_SECONDS = 5;

export interface PeerOptions {
  name: PeerName;
  /** Shared by all addresses of a secondary. */
  rate: Rate;
  /** Zones that may be on their way to it at once; undefined: any number. */
  maxTransfers: number | undefined;
  inTransfer: InTransfer;
  clock: Clock;
  /** Sends one row, and settles it; called while window and rate allow. */
  send(peer: Peer, row: DueNotification, signal: AbortSignal): Promise<void>;
}

interface Sending {
  row: DueNotification;
  stop: AbortController;
  done: Promise<void>;
}

/** One address of a secondary: who is in line for it, what waits for its reply, and whether it answers. */
export class Peer {
  readonly name: PeerName;
  readonly #options: PeerOptions;
  /** By zone; the oldest first. */
  readonly #line = new Map<string, DueNotification>();
  readonly #sending = new Map<string, Sending>();
  #lineLimit = LINE;
  #rate: Rate;
  #maxTransfers: number | undefined;
  #silences = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: PeerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#rate = options.rate;
    this.limit(options.rate, options.maxTransfers);
  }

  /** Its limits may have been changed since. */
  limit(rate: Rate, maxTransfers: number | undefined): void {
    this.#rate = rate;
    this.#maxTransfers = maxTransfers;
    this.#lineLimit = Math.min(LINE, rate.perSecond * LINE_SECONDS);
  }

  /** Rows in line and on their way. */
  get held(): number {
    return this.#line.size + this.#sending.size;
  }

  /** Whether it takes no more rows now. */
  get full(): boolean {
    return this.#silent ? this.#sending.size >= WINDOW_WHILE_SILENT : this.#line.size >= this.#lineLimit;
  }

  get #silent(): boolean {
    return this.#silences >= SILENCES;
  }

  /** Whether it answered somebody lately. */
  get answering(): boolean {
    const since = this.#options.clock.now() - this.#answeredAt;
    return since >= 0 && since <= ANSWERING;
  }

  /**
   * Takes a row. One outstanding NOTIFY a zone: a newer serial replaces what is in line or on its way, another of the same is
   * dropped. False: no room, the row is the caller's.
   */
  accept(row: DueNotification): boolean {
    const sending = this.#sending.get(row.zoneId);
    const present = this.#line.get(row.zoneId) ?? sending?.row;
    if (present !== undefined && !isNewer(row.serial, present.serial)) return true;
    if (present === undefined && this.full) return false;
    sending?.stop.abort();
    this.#line.set(row.zoneId, row);
    this.pump();
    return true;
  }

  /** Sends from the line as far as window and rate allow. */
  pump(): void {
    const window = this.#silent ? WINDOW_WHILE_SILENT : WINDOW;
    for (const [zoneId, row] of this.#line) {
      if (this.#stopped || this.#sending.size >= window) return;
      // The older serial of this zone is being stopped: its turn comes when that has ended.
      if (this.#sending.has(zoneId)) continue;
      const wait = this.#hasRoomFor(row) ? this.#rate.take(this.#options.clock.now()) : UNTIL_ROOM;
      if (wait > 0) {
        this.#pumpIn(wait);
        return;
      }
      this.#line.delete(zoneId);
      this.#send(row);
    }
  }

  #hasRoomFor({ secondaryId, zoneId }: DueNotification): boolean {
    const most = this.#maxTransfers;
    if (most === undefined) return true;
    return this.#options.inTransfer.count(secondaryId, zoneId) + this.#sending.size < most;
  }

  #pumpIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.pump();
    }, ms);
  }

  /** It replied. Gives whether it had been silent for long. */
  answered(): boolean {
    const returned = this.#silences > 0 && !this.answering;
    this.#silences = 0;
    this.#answeredAt = this.#options.clock.now();
    return returned;
  }

  /** It did not. Gives whether it counts as silent from now on. */
  wasSilent(): boolean {
    return ++this.#silences === SILENCES;
  }

  /** Empties the line, as rows must not wait in memory for one who is silent. */
  drain(): DueNotification[] {
    const rows = [...this.#line.values()];
    this.#line.clear();
    return rows;
  }

  /** Ends all sends, and gives back the rows that have no answer. */
  async stop(): Promise<DueNotification[]> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const sending = [...this.#sending.values()];
    const rows = [...this.drain(), ...sending.map(({ row }) => row)];
    for (const { stop } of sending) stop.abort();
    await Promise.all(sending.map(({ done }) => done));
    return rows;
  }

  #send(row: DueNotification): void {
    const stop = new AbortController();
    const done = this.#options.send(this, row, stop.signal).finally(() => {
      this.#sending.delete(row.zoneId);
      this.pump();
    });
    this.#sending.set(row.zoneId, { row, stop, done });
  }
}
