import type { Clock } from '../clock.ts';
import { RCODE, rcodeToText } from '../dns/types.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Tracing } from '../trace.ts';
import { refusedDelay, replyWait, silentDelay, transportFor } from './backoff.ts';
import { Gather } from './gather.ts';
import { InTransfer } from './in-transfer.ts';
import { NotifyLog } from './notify-log.ts';
import { NotifySpans } from './notify-spans.ts';
import type { DueNotification, NotificationResult, NotifyOutbox } from './outbox.ts';
import { Peer } from './peer.ts';
import { Rate } from './rate.ts';
import type { Sender, SendResult } from './sender.ts';

export interface DispatcherOptions {
  outbox: NotifyOutbox;
  sender: Pick<Sender, 'send'>;
  clock: Clock;
  log?: Log;
  tracing?: Tracing;
  /** NOTIFYs a second to one secondary, at most, where it has no rate of its own. Default 500. */
  rate?: number;
  /** Zones on their way, for secondaries that take a number of them at once. */
  inTransfer?: InTransfer;
  /** Told of each send that ended, for metrics. `ms`: from send to reply. */
  observe?(row: DueNotification, result: SendResult, ms: number): void;
}

/** Rows taken from the outbox at once, and held in all. */
const CLAIM = 500;
const MOST_HELD = 10_000;
/** Milliseconds: no hint is lost for longer. */
const POLL = 1_000;
const SHORTEST_PAUSE = 20;
const PAUSE_WHEN_FULL = 250;
/** Milliseconds until a NOTIFY is tried again whose key couldn't be opened. */
const LOCKED = 60_000;
/** Milliseconds that a row is put back for when its secondary has no room. */
const PUT_BACK = 1_000;
const PUT_BACK_WHILE_SILENT = 10_000;

/**
 * Empties the outbox: takes what is due, sends it within each secondary's window and rate, and writes what came of it,
 * until every secondary has answered the newest serial. One secondary's silence holds up nobody else.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #settlements: Gather<NotificationResult>;
  readonly #inTransfer: InTransfer;
  readonly #peers = new Map<string, Peer>();
  readonly #rates = new Map<string, Rate>();
  readonly #log: NotifyLog;
  readonly #spans: NotifySpans | undefined;
  #forgetHints: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #stopping = false;
  #failures = 0;
  #turnedAway = false;
  #wakeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #wakeUp: (() => void) | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#log = new NotifyLog(options.log, options.clock);
    this.#spans = options.tracing && new NotifySpans(options.tracing, options.clock);
    this.#inTransfer = options.inTransfer ?? new InTransfer(options.clock);
    this.#settlements = new Gather({
      write: (results) => options.outbox.settle(results),
      written: (results) => this.#written(results),
      log: options.log,
      what: 'results of NOTIFY',
    });
  }

  /** Begins to send. Rows that were due before are sent at once. */
  start(): void {
    if (this.#running !== undefined || this.#stopping) return;
    this.#forgetHints = this.#options.outbox.onHint(() => this.#wakeBy(0));
    this.#running = this.#run();
  }

  /** Ends all sends within moments; what has no answer yet is due again for whoever comes next. May be called twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    this.#forgetHints?.();
    this.#wakeBy(0);
    await this.#running;
    const rows = await Promise.all([...this.#peers.values()].map((peer) => peer.stop()));
    for (const row of rows.flat()) this.#putBack(row, 0);
    await this.#settlements.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) await this.#sleep(await this.#round());
  }

  /** Takes one batch. Gives the milliseconds until the next, unless something happens before. */
  async #round(): Promise<number> {
    const { outbox, clock } = this.#options;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    try {
      const limit = Math.min(CLAIM, MOST_HELD - this.#forgetIdle());
      const full = [...this.#peers.values()].filter((peer) => peer.full).map((peer) => peer.name);
      this.#turnedAway = full.length > 0 || limit <= 0;
      if (limit <= 0) return PAUSE_WHEN_FULL;
      const rows = await outbox.claim(limit, full);
      this.#spans?.taken(rows);
      if (this.#failures > 0) this.#options.log?.info({}, 'the outbox of NOTIFY can be read again');
      this.#failures = 0;
      let putBack = 0;
      for (const row of rows) if (!this.#take(row)) putBack++;
      if (rows.length === limit) return putBack * 2 > limit ? PAUSE_WHEN_FULL : 0;
      const next = await outbox.nextDue();
      const wait = next === undefined ? POLL : next.getTime() - clock.now();
      // What is due and was not given is locked by another process, or waits for a secondary that is full.
      return Math.min(POLL, Math.max(wait, this.#turnedAway ? PAUSE_WHEN_FULL : SHORTEST_PAUSE));
    } catch (error) {
      if (this.#failures++ === 0) {
        this.#options.log?.warn(
          { error: messageOf(error) },
          'the outbox of NOTIFY can not be read now: tried again until it can',
        );
      }
      return Math.min(10_000, 250 * 2 ** Math.min(this.#failures, 6));
    }
  }

  /** Hands a row to its peer; false where it was put back. */
  #take(row: DueNotification): boolean {
    if (this.#stopping) {
      this.#putBack(row, 0);
      return false;
    }
    if (row.lockedKey !== undefined) {
      this.#spans?.ended(row);
      this.#settlements.add({
        ...targetOf(row),
        error: `not sent, as the secret of its key ${row.lockedKey} can't be opened: set SECRET_KEY to the one that it was written with, or make the key anew`,
        nextAt: new Date(this.#options.clock.now() + LOCKED),
      });
      return true;
    }
    const peer = this.#peerFor(row);
    if (peer.accept(row)) return true;
    this.#putBack(row, peer.answering ? PUT_BACK : PUT_BACK_WHILE_SILENT);
    return false;
  }

  async #send(peer: Peer, row: DueNotification, signal: AbortSignal): Promise<void> {
    const { sender, clock } = this.#options;
    const sentAt = clock.now();
    this.#log.sent(row);
    let result: SendResult;
    try {
      result = await sender.send(row, row.address, {
        transport: transportFor(row.attempts),
        timeoutMs: replyWait(row.attempts),
        signal,
      });
    } catch (error) {
      // Given up for a newer serial, or for the end of the process: nothing to write.
      if (signal.aborted) {
        this.#spans?.ended(row);
        return;
      }
      result = { kind: 'silent', error: messageOf(error) };
    }
    this.#options.observe?.(row, result, clock.now() - sentAt);
    this.#spans?.ended(row, result);
    const of = targetOf(row);
    if (result.kind === 'silent') {
      if (peer.wasSilent()) {
        this.#log.silent(row, result.error);
        for (const waiting of peer.drain()) this.#putBack(waiting, PUT_BACK_WHILE_SILENT);
      }
      const nextAt = new Date(sentAt + silentDelay(row.attempts, peer.answering));
      this.#settlements.add({ ...of, error: result.error, nextAt });
    } else {
      if (peer.answered()) this.#returned(peer, row);
      const { rcode } = result;
      if (rcode === RCODE.NOERROR) {
        if (row.maxTransfers !== undefined) this.#inTransfer.begins(row.secondaryId, row.zoneId);
        this.#settlements.add({ ...of, rcode });
        this.#log.answered(row, clock.now() - sentAt);
      } else {
        this.#log.refused(row, rcode);
        const nextAt = new Date(sentAt + refusedDelay(rcode, row.attempts));
        this.#settlements.add({ ...of, rcode, error: `refused with ${rcodeToText(rcode)}`, nextAt });
      }
    }
    if (this.#turnedAway && !peer.full) this.#wakeBy(SHORTEST_PAUSE);
  }

  #putBack(row: DueNotification, delay: number): void {
    this.#spans?.ended(row);
    this.#settlements.add({ ...targetOf(row), nextAt: new Date(this.#options.clock.now() + delay) });
  }

  /** A secondary is back: what waits for it need not wait out a back-off that grew while it was away. */
  #returned(peer: Peer, row: DueNotification): void {
    const { outbox, clock, log } = this.#options;
    this.#log.returned(row);
    outbox.hasten?.(peer.name, new Date(clock.now())).then(
      () => this.#wakeBy(0),
      (error) => log?.debug({ error: messageOf(error) }, 'waiting NOTIFYs could not be brought forward'),
    );
  }

  #peerFor(row: DueNotification): Peer {
    const known = this.#peers.get(peerKey(row));
    if (known !== undefined) {
      known.limit(this.#rateOf(row), row.maxTransfers);
      return known;
    }
    const { secondaryId, addressText } = row;
    const peer = new Peer({
      name: { secondaryId, addressText },
      rate: this.#rateOf(row),
      maxTransfers: row.maxTransfers,
      inTransfer: this.#inTransfer,
      clock: this.#options.clock,
      send: (to, due, signal) => this.#send(to, due, signal),
    });
    this.#peers.set(peerKey(row), peer);
    return peer;
  }

  /** Shared by all addresses of a secondary; made anew when its rate was changed. */
  #rateOf({ secondaryId, rate = this.#options.rate ?? 500 }: DueNotification): Rate {
    const known = this.#rates.get(secondaryId);
    if (known?.perSecond === rate) return known;
    const fresh = new Rate(rate);
    this.#rates.set(secondaryId, fresh);
    return fresh;
  }

  /** Rows held by all peers. Forgets what is known of the idle ones when there are many: secondaries come and go. */
  #forgetIdle(): number {
    let held = 0;
    for (const peer of this.#peers.values()) held += peer.held;
    if (this.#peers.size > MOST_PEERS && held === 0) {
      this.#peers.clear();
      this.#rates.clear();
      this.#log.forget();
    }
    return held;
  }

  /** Retries that fall due before the next look at the outbox bring it forward. */
  #written(results: readonly NotificationResult[]): void {
    const now = this.#options.clock.now();
    for (const { nextAt } of results) {
      if (nextAt !== undefined) this.#wakeBy(Math.max(SHORTEST_PAUSE, nextAt.getTime() - now));
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeUp = () => {
        clearTimeout(this.#timer);
        this.#wakeUp = undefined;
        resolve();
      };
      // Something may have happened while the last round was under way.
      this.#wakeBy(Math.max(0, Math.min(ms, this.#wakeAt - performance.now())));
    });
  }

  /** Ends the sleep in `ms` milliseconds, if not before; kept for the next sleep while there is none. */
  #wakeBy(ms: number): void {
    const at = performance.now() + ms;
    if (this.#wakeUp === undefined) {
      this.#wakeAt = Math.min(this.#wakeAt, at);
      return;
    }
    if (this.#timer !== undefined && this.#wakeAt <= at) return;
    clearTimeout(this.#timer);
    this.#wakeAt = at;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#wakeUp?.();
    }, ms);
  }
}

const MOST_PEERS = 1_000;

function peerKey(row: DueNotification): string {
  return `${row.secondaryId} ${row.addressText}`;
}

function targetOf({ zoneId, secondaryId, addressText, serial }: DueNotification) {
  return { zoneId, secondaryId, addressText, serial };
}
