import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Taken } from '../../store/ledger/kinds.ts';

/** Milliseconds between two writes, and rows of one; what is more is dropped, as the verifier sees it by itself. */
const EVERY = 500;
const MOST = 1_000;
/** Milliseconds, and zones that are remembered in them. */
const YOUNG = 300_000;
const MOST_YOUNG = 100_000;
/** Milliseconds in which the same version is taken down once for a secondary, and how many of them are remembered. */
const RECENT = 600_000;
const MOST_RECENT = 50_000;

/** An answer that went out, as the transfer server tells it. */
export interface Served {
  zoneId: string;
  secondaryId: string;
  serial: number;
  given: string;
  complete: boolean;
  bytes: number;
  startedAt: number;
  ms: number;
}

/**
 * What secondaries ask and get, gathered in memory and written a few times a second. It stands beside every answer, so it does next to
 * nothing there; and it is lost with the process, as nothing depends on it.
 */
export class TakenLog {
  readonly #write: (rows: readonly Taken[]) => Promise<void>;
  readonly #log: Log | undefined;
  #transfers = new Map<string, Taken>();
  #asked = new Map<string, Taken>();
  /** Zones with a version that is not older than five minutes, and than ten. */
  #young = new Set<string>();
  #older = new Set<string>();
  #ageing: NodeJS.Timeout | undefined;
  #recent = new Set<string>();
  #forgetting: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;

  constructor(write: (rows: readonly Taken[]) => Promise<void>, log?: Log) {
    this.#write = write;
    this.#log = log;
  }

  /** A zone has a newer version: until some minutes after, who asks for its SOA is of interest. */
  published(zoneId: string): void {
    if (this.#young.size < MOST_YOUNG) this.#young.add(zoneId);
    this.#ageing ??= setTimeout(() => this.#age(), YOUNG).unref();
  }

  add(event: Served): void {
    const isTransfer = event.complete && isWhole(event.given);
    // nearly all answers: polls of what did not change
    if (!isTransfer && !this.#young.has(event.zoneId) && !this.#older.has(event.zoneId)) return;
    const into = isTransfer ? this.#transfers : this.#asked;
    if (into.size >= MOST) return;
    const key = `${event.zoneId}/${event.secondaryId}/${event.serial}`;
    if (isTransfer ? this.#isRecent(key) : into.has(key)) return;
    into.set(key, takenOf(event));
    this.#timer ??= setTimeout(() => this.#flush(), EVERY).unref();
  }

  /** Whether it took that version within the last ten minutes already, or is remembered now as one that did. */
  #isRecent(key: string): boolean {
    if (this.#recent.has(key)) return true;
    if (this.#recent.size < MOST_RECENT) this.#recent.add(key);
    this.#forgetting ??= setTimeout(() => {
      this.#forgetting = undefined;
      this.#recent = new Set();
    }, RECENT).unref();
    return false;
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    clearTimeout(this.#ageing);
    clearTimeout(this.#forgetting);
    await this.#writing;
  }

  #age(): void {
    this.#older = this.#young;
    this.#young = new Set();
    this.#ageing = this.#older.size === 0 ? undefined : setTimeout(() => this.#age(), YOUNG).unref();
  }

  #flush(): void {
    this.#timer = undefined;
    // the database is slower than that: what comes meanwhile is dropped beyond a number
    if (this.#writing !== undefined) {
      this.#timer = setTimeout(() => this.#flush(), EVERY).unref();
      return;
    }
    const rows = [...this.#transfers.values()];
    for (const [key, row] of this.#asked) if (!this.#transfers.has(key) && rows.length < MOST) rows.push(row);
    this.#transfers = new Map();
    this.#asked = new Map();
    this.#writing = this.#write(rows)
      .then(() => {
        this.#failing = false;
      })
      .catch((error: unknown) => {
        if (!this.#failing)
          this.#log?.debug({ error: messageOf(error) }, 'what secondaries asked could not be written');
        this.#failing = true;
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }
}

/** An answer as the ledger takes it. */
export function takenOf(event: Served): Taken {
  const { zoneId, secondaryId, serial, given, bytes, startedAt, ms } = event;
  const asked = { zoneId, secondaryId, serial, askedAt: startedAt };
  if (!event.complete || !isWhole(given)) return asked;
  return { ...asked, served: { kind: given, bytes, ms, at: startedAt + ms } };
}

/** Whether a secondary that took it has the version. */
export function isWhole(given: string): boolean {
  return given === 'AXFR' || given === 'IXFR' || given === 'AXFR-style IXFR' || given === 'up-to-date';
}
