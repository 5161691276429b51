import type { Clock } from '../../clock.ts';
import { isNewer } from '../../dns/serial.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { ShownSerial } from '../../store/ahead.ts';
import { Gather } from '../gather.ts';
import type { InTransfer } from '../in-transfer.ts';
import type { DueNotification } from '../outbox.ts';
import { Rate } from '../rate.ts';
import type { Sockets } from '../sockets.ts';
import { type Item, Line, type Outcome } from './line.ts';
import { Looks, type Seen } from './look.ts';
import type { Awaited, Look, LookLedger, PublishedContent } from './ports.ts';
import {
  FIRST_LOOKS,
  isToldAgain,
  LOOKS_AFTER_TRANSFER,
  lookTimeout,
  nextLook,
  putBack,
} from './schedule.ts';
import { type Served, takenOf } from './taken-log.ts';
import { tellServing } from './tell.ts';

export interface VerifierOptions {
  ledger: LookLedger;
  content: PublishedContent;
  sockets: Sockets;
  clock: Clock;
  log?: Log;
  /** Looks a second at one secondary, at most, where it has no rate of its own. Default 1000. */
  rate?: number;
  inTransfer?: InTransfer;
  /** Told of a secondary with a serial newer than any of ours. */
  onAhead?(shown: ShownSerial): void;
  /** Told of each serial that was first seen at a secondary; `ms` since its commit. */
  onVisible?(awaited: Awaited, ms: number): void;
}

interface Held extends Item {
  /** Until the next look; without it the look is in line or under way. */
  timer?: NodeJS.Timeout;
  /** It took a version while it was looked at. */
  again?: boolean;
}

/** Rows taken from the ledger at once, and kept in memory for the looks that follow at once. */
const CLAIM = 500;
const MOST_HELD = 10_000;
/** Milliseconds: no hint is lost for longer. */
const POLL = 1_000;
const SHORTEST_PAUSE = 20;
const PAUSE_WHEN_FULL = 100;
/** Milliseconds between two times that what waits for one secondary is brought forward. */
const HASTEN_AGAIN = 60_000;
const MOST_LINES = 1_000;

/**
 * Sees that secondaries serve what they were told of. The answer to a NOTIFY proves nothing: they are asked, as anybody may ask them, until they show our
 * serial or a newer one, and then whether what changed is there. The ledger is the guarantee; what is kept in memory only makes it soon.
 */
export class Verifier {
  readonly #options: VerifierOptions;
  readonly #looks: Looks;
  readonly #settlements: Gather<Look>;
  readonly #lines = new Map<string, Line>();
  /** By zone and secondary: what is looked at from memory. */
  readonly #held = new Map<string, Held>();
  readonly #hastened = new Map<string, number>();
  readonly #stop = new AbortController();
  #forgetHint: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #claiming: Promise<void> | undefined;
  #failing = false;

  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#looks = new Looks(options.sockets, options.content, options.clock);
    this.#settlements = new Gather({
      write: (looks) => options.ledger.settle(looks),
      log: options.log,
      what: 'what secondaries serve',
    });
  }

  start(): void {
    this.#forgetHint = this.#options.ledger.onHint(() => this.#wake(0));
    this.#wake(0);
  }

  /** Ends all looks; what was not seen is due again for whoever comes next. May be called twice. */
  async stop(): Promise<void> {
    this.#forgetHint?.();
    clearTimeout(this.#timer);
    this.#stop.abort();
    for (const line of this.#lines.values()) line.stop();
    for (const { timer } of this.#held.values()) clearTimeout(timer);
    this.#held.clear();
    await this.#claiming;
    await this.#settlements.close();
  }

  /** A secondary has answered the NOTIFY of a serial: it is looked at soon. */
  answered(row: DueNotification): void {
    if (row.checkAt.length === 0 || this.#stop.signal.aborted) return;
    const { zoneId, zone, serial, committedAt, secondaryId, secondary, checkAt, rate, change } = row;
    const key = keyOf(row);
    const held = this.#held.get(key);
    if (held !== undefined && !isNewer(serial, held.awaited.serial)) return;
    // the ledger makes it due in some seconds
    if (held === undefined && (this.#held.size >= MOST_HELD || this.#lines.get(secondaryId)?.full)) return;
    clearTimeout(held?.timer);
    const awaited: Awaited = {
      zoneId,
      zone,
      serial,
      committedAt,
      secondaryId,
      secondary,
      checkAt,
      ...(rate === undefined ? {} : { rate }),
      ...(change === undefined ? {} : { change }),
      misses: 0,
      wasServing: false,
    };
    this.#later(key, { awaited, soon: [...FIRST_LOOKS] });
  }

  /** A secondary has taken a version: it is looked at at once, where it is waited for. */
  taken(event: Served): void {
    this.#options.inTransfer?.ends(event.secondaryId, event.zoneId);
    if (this.#held.size === 0) return;
    const key = keyOf(event);
    const held = this.#held.get(key);
    if (held === undefined || isNewer(held.awaited.serial, event.serial)) return;
    const taken = takenOf(event);
    held.taken = taken;
    if (held.timer === undefined) {
      // a look is under way, and may have come too early
      held.again = true;
      return;
    }
    clearTimeout(held.timer);
    this.#later(key, { awaited: held.awaited, soon: [...LOOKS_AFTER_TRANSFER], taken });
  }

  #later(key: string, item: Item): void {
    const [delay = 0, ...soon] = item.soon;
    const timer = setTimeout(() => {
      const held: Held = { ...item, soon };
      this.#held.set(key, held);
      this.#lineOf(item.awaited).add(held);
    }, delay).unref();
    this.#held.set(key, { ...item, timer });
  }

  #wake(ms: number): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#claiming ??= this.#claim().finally(() => {
        this.#claiming = undefined;
      });
    }, ms).unref();
  }

  async #claim(): Promise<void> {
    const { ledger, log } = this.#options;
    let wait = POLL;
    try {
      if (this.#settlements.isBehind) {
        this.#wake(PAUSE_WHEN_FULL);
        return;
      }
      const full = [...this.#lines].filter(([, line]) => line.full).map(([secondaryId]) => secondaryId);
      const rows = await ledger.claim(CLAIM, full);
      for (const awaited of rows) {
        const key = keyOf(awaited);
        // it is looked at anyway
        if (this.#held.has(key)) continue;
        const item: Held = { awaited, soon: [] };
        this.#held.set(key, item);
        this.#lineOf(awaited).add(item);
      }
      if (rows.length === CLAIM) wait = SHORTEST_PAUSE;
      else if (full.length > 0) wait = PAUSE_WHEN_FULL;
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        log?.warn(
          { error: messageOf(error) },
          'the ledger of convergence can not be read now: tried again until it can',
        );
      this.#failing = true;
    }
    this.#forgetIdle();
    this.#wake(wait);
  }

  async #look(item: Item): Promise<Outcome> {
    const { awaited } = item;
    const key = keyOf(awaited);
    const held = this.#held.get(key);
    let seen: Seen;
    try {
      const { misses } = awaited;
      seen = await this.#looks.look(awaited, {
        // for paths on which UDP is lost
        transport: misses > 2 && misses % 3 === 0 ? 'tcp' : 'udp',
        timeoutMs: lookTimeout(misses),
        signal: this.#stop.signal,
      });
    } catch (error) {
      this.#held.delete(key);
      if (!this.#stop.signal.aborted)
        this.#options.log?.debug({ error: messageOf(error), zone: awaited.zone }, 'a look failed');
      return { replied: true, inVain: false };
    }
    const replied = seen.shown !== undefined || seen.rcode !== undefined;
    const outcome = { replied, inVain: replied && !seen.serving };
    // a newer serial has taken its place meanwhile
    if (this.#held.get(key) !== held)
      return { ...outcome, replied: seen.error === undefined || seen.rcode !== undefined };
    this.#conclude(key, item, seen, held?.again === true);
    return outcome;
  }

  #conclude(key: string, item: Item, seen: Seen, wasTaken: boolean): void {
    const { awaited } = item;
    const { clock, onVisible, onAhead, inTransfer } = this.#options;
    const { done, ahead, ...saw } = seen;
    const { taken } = item;
    const look = { ...saw, ...(taken?.serial === seen.serial ? { taken } : {}) };
    if (seen.serving) {
      inTransfer?.ends(awaited.secondaryId, awaited.zoneId);
      if (!awaited.wasServing) {
        awaited.wasServing = true;
        const ms = Math.max(0, seen.at.getTime() - awaited.committedAt.getTime());
        onVisible?.(awaited, ms);
        tellServing(this.#options.log, awaited, ms);
      }
    }
    if (ahead !== undefined)
      onAhead?.({ zone: awaited.zone, secondaryId: awaited.secondaryId, serial: ahead });
    if (done) {
      this.#held.delete(key);
      this.#settlements.add(look);
      return;
    }
    const soon = wasTaken ? [...LOOKS_AFTER_TRANSFER] : item.soon;
    if (soon.length > 0 && ahead === undefined && seen.differs === undefined) {
      this.#later(key, { awaited, soon, ...(taken ? { taken } : {}) });
      return;
    }
    this.#held.delete(key);
    const nextAt = new Date(clock.now() + nextLook(awaited.misses));
    const tellAgain = !seen.serving && ahead === undefined && isToldAgain(awaited.misses);
    this.#settlements.add({ ...look, nextAt, ...(tellAgain ? { tellAgain } : {}) });
  }

  #lineOf({ secondaryId, rate }: Awaited): Line {
    const known = this.#lines.get(secondaryId);
    if (known !== undefined) return known;
    const { clock } = this.#options;
    const line = new Line({
      rate: new Rate(rate === undefined ? (this.#options.rate ?? 1_000) : rate * 2),
      clock,
      look: (item) => this.#look(item),
      mayLook: () => !this.#settlements.isBehind,
      turnAway: ({ awaited }, silentFor) => {
        this.#held.delete(keyOf(awaited));
        if (this.#stop.signal.aborted) return;
        const { zoneId, secondaryId, serial, committedAt } = awaited;
        const now = clock.now();
        this.#settlements.add({
          zoneId,
          secondaryId,
          serial,
          committedAt,
          at: new Date(now),
          serving: false,
          compared: false,
          unasked: true,
          nextAt: new Date(now + putBack(silentFor, Math.random())),
        });
      },
    });
    this.#lines.set(secondaryId, line);
    return line;
  }

  /** A secondary works again: what waits long for it is looked at soon, once a minute at most. */
  works(secondaryId: string): void {
    const { clock, ledger, log } = this.#options;
    const now = clock.now();
    const last = this.#hastened.get(secondaryId);
    if (last !== undefined && last <= now && now - last < HASTEN_AGAIN) return;
    if (this.#hastened.size >= MOST_LINES) this.#hastened.clear();
    this.#hastened.set(secondaryId, now);
    ledger
      .hasten(secondaryId)
      .catch((error) =>
        log?.debug({ error: messageOf(error) }, 'waiting looks could not be brought forward'),
      );
  }

  #forgetIdle(): void {
    if (this.#lines.size <= MOST_LINES) return;
    for (const [secondaryId, line] of this.#lines) if (line.idle) this.#lines.delete(secondaryId);
  }
}

function keyOf({ zoneId, secondaryId }: { zoneId: string; secondaryId: string }): string {
  return `${zoneId}/${secondaryId}`;
}
