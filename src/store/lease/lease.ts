import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { LeaseConnection } from './connection.ts';
import {
  type ChangeRow,
  confirm,
  forgetOldChanges,
  giveLeaseBack,
  readChanges,
  takeLease,
} from './statements.ts';
import { type LeaseVersion, LeaseWatch, readLeases } from './watch.ts';

/** What the changes are applied to. */
export interface LeaseHolder {
  /** These zones have changed, or are gone where `version` is missing. Nothing else has since the call before. */
  zonesChanged(changes: readonly ZoneChange[]): void;
  /**
   * Nothing known so far can be relied on: what changed meanwhile can't be told, or is too much. `tookOver`: nor can what was made of it, as
   * another server took over, which may lack the last commits of the one before.
   */
  startAnew(tookOver: boolean): void;
  /** Reads who may have which zones. */
  readAccess(deadline: number): Promise<void>;
  /** PostgreSQL stopped answering, with the reason, or answers again. Called at every change of that. */
  setAway(error: Error | undefined): void;
}

export interface ZoneChange {
  zone: string;
  version: { id: string; soa: Buffer; soaTtl: number; change: Buffer | null } | undefined;
}

/** Milliseconds that the others wait for a process that says no more, each by its own steady clock (see `LeaseWatch`). */
export const LEASE_MS = 3_000;
/** Milliseconds by which the process itself counts its lease shorter, from when it *sent* the renewal. */
const MARGIN_MS = 500;
const RENEW_EVERY_MS = 1_000;
/** Milliseconds that PostgreSQL has for one round. */
const ROUND_MS = 3_000;
/** Milliseconds for which lost and refused connections are tried again before PostgreSQL counts as away. */
const PATIENCE_MS = 1_000;
const TRY_AGAIN_MS = 50;
/** Milliseconds that a question waits for a round while PostgreSQL is known not to answer. */
const WAIT_WHILE_AWAY_MS = 400;
/** A round that could not confirm what it took a lease for leaves the others alone for so long. */
const NO_LEASE_MS = 2 * LEASE_MS;
const MOST_CHANGES = 20_000;
const FORGET_EVERY = 10; // renewals
/** Milliseconds after which a process that renews no more is forgotten: it begins anew should it come back. */
export const GONE_AFTER_MS = 10 * 60_000;

/**
 * This process's right to answer from memory. A NOTIFY goes out only when every process whose lease runs has confirmed a snapshot that
 * sees it, so a process may answer with what it has confirmed while its lease runs, and else reads what changed before each answer.
 *
 * A round reads what committed since the last one, applies it and confirms it, which renews the lease. It counts from when the
 * confirmation was sent, and only where its reply came while the lease before it ran: whoever sends NOTIFY then sees it renewed.
 * A lease that ran out is first *taken* again, so that the others wait, and what they told meanwhile is read after that.
 */
export class Lease {
  readonly #id = randomUUID();
  readonly #clock: Clock;
  readonly #holder: LeaseHolder;
  readonly #connection: LeaseConnection;
  /** The snapshot that all that is known was read at. */
  #snapshot: string | undefined;
  /** Of the server that all was read from; undefined: not known, so it is asked for in each round. */
  #timeline: string | undefined;
  #timelineBefore: string | undefined;
  /** The end of the lease by both clocks: the steady one stands still while the machine sleeps, the other may be set. */
  #until = Number.NEGATIVE_INFINITY;
  #untilWall = Number.NEGATIVE_INFINITY;
  #mayTakeAt = Number.NEGATIVE_INFINITY;
  /** How often the connection was lost. */
  #losses = 0;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #renewals = 0;
  readonly #others = new LeaseWatch();
  #away = false;
  #contact = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: { url: string; clock: Clock; holder: LeaseHolder }) {
    this.#clock = options.clock;
    this.#holder = options.holder;
    this.#connection = new LeaseConnection(options.url, () => this.#lost());
  }

  /** Whether what was confirmed may be answered with, without asking. */
  get holds(): boolean {
    return performance.now() < this.#until && this.#clock.now() < this.#untilWall;
  }

  get away(): boolean {
    return this.#away;
  }

  /** When PostgreSQL last answered: milliseconds since the epoch. */
  get contact(): number {
    return this.#contact;
  }

  /** The first round, and then one a second. */
  async start(): Promise<void> {
    await this.refresh();
    this.#timer = setInterval(() => void this.refresh(), RENEW_EVERY_MS);
  }

  /** A round that began after this call has ended, or PostgreSQL still doesn't answer. Never rejects: see `away`. */
  async fresh(): Promise<void> {
    if (!this.#away) return this.refresh();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, WAIT_WHILE_AWAY_MS);
    await Promise.race([this.refresh(), late]);
    clearTimeout(timer);
  }

  /** A round that begins after this call; to be called at every hint. Never rejects: see `away`. */
  refresh(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#stopped ? undefined : (this.#running ?? this.#begin());
    });
    return this.#next;
  }

  /** To be called when nothing is answered any more. Safe to call again. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running;
    this.#end();
    await this.#connection.query(giveLeaseBack(this.#id), performance.now() + ROUND_MS).catch(() => {});
    await this.#connection.close();
  }

  #begin(): Promise<void> {
    this.#running = this.#patiently()
      .then(() => this.#setAway(undefined))
      .catch((error: Error) => this.#setAway(error))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  /** A connection that was lost, as at a restart of PostgreSQL, is made again before anything is said. */
  async #patiently(): Promise<void> {
    const begun = performance.now();
    for (;;) {
      const losses = this.#losses;
      try {
        return await this.#round(performance.now() + ROUND_MS);
      } catch (error) {
        const wasLost = losses !== this.#losses;
        if (this.#away || this.#stopped || !wasLost || performance.now() - begun > PATIENCE_MS) throw error;
        await pause(TRY_AGAIN_MS);
      }
    }
  }

  async #round(deadline: number): Promise<void> {
    const taken = this.holds ? undefined : await this.#take(deadline);
    await this.#read(deadline);
    if (this.holds || (taken !== undefined && performance.now() < taken))
      await this.#confirm(deadline, taken);
    await this.#forget(deadline);
  }

  /** Gives when the lease taken ends, by our own clock; undefined where none is to be taken now. */
  async #take(deadline: number): Promise<number | undefined> {
    if (performance.now() < this.#mayTakeAt) return undefined;
    await this.#connection.open(deadline);
    const sentAt = performance.now();
    this.#mayTakeAt = sentAt + NO_LEASE_MS;
    const [row] = await this.#connection.query<{ confirmed: boolean }>(
      takeLease(this.#id, LEASE_MS),
      deadline,
    );
    if (row?.confirmed !== true) this.#snapshot = undefined;
    return sentAt + LEASE_MS - MARGIN_MS;
  }

  async #read(deadline: number): Promise<void> {
    const askedAt = this.#clock.now();
    const since = this.#timeline === undefined ? undefined : this.#snapshot;
    const losses = this.#losses;
    const rows = await this.#connection.query<ChangeRow>(
      readChanges(this.#id, since, MOST_CHANGES),
      deadline,
    );
    this.#contact = askedAt;
    const head = rows.find((row) => row.kind === 'snapshot');
    if (head === undefined) throw new Error('PostgreSQL gave no snapshot');
    const zones = rows.filter((row) => row.kind === 'zone');
    if (since === undefined || head.kept !== true) {
      await this.#holder.readAccess(deadline);
      const tookOver = since === undefined && this.#tookOver(head.timeline);
      this.#holder.startAnew(tookOver);
    } else {
      if (rows.some((row) => row.kind === 'access')) await this.#holder.readAccess(deadline);
      if (zones.length > 0) this.#holder.zonesChanged(zones.map(changeOf));
    }
    if (losses !== this.#losses) throw new Error('the connection to PostgreSQL was lost');
    this.#snapshot = head.text;
  }

  #tookOver(timeline: string | null | undefined): boolean {
    this.#timeline = timeline ?? undefined;
    if (this.#timeline === undefined) return false;
    const before = this.#timelineBefore;
    this.#timelineBefore = this.#timeline;
    return before !== undefined && before !== this.#timeline;
  }

  async #confirm(deadline: number, taken: number | undefined): Promise<void> {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return;
    const wallBefore = this.#clock.now();
    const sentAt = performance.now();
    const rows = await this.#connection.query(confirm(this.#id, snapshot, LEASE_MS, true), deadline);
    if (rows.length === 0) {
      this.#lost();
      return;
    }
    const isContinuous = this.holds || (taken !== undefined && performance.now() < taken);
    if (!isContinuous || this.#snapshot !== snapshot) return;
    this.#until = sentAt + LEASE_MS - MARGIN_MS;
    this.#untilWall = wallBefore + LEASE_MS - MARGIN_MS;
    this.#mayTakeAt = Number.NEGATIVE_INFINITY;
  }

  async #forget(deadline: number): Promise<void> {
    if (++this.#renewals < FORGET_EVERY) return;
    const askedAt = performance.now();
    this.#others.saw(await this.#connection.query<LeaseVersion>(readLeases(), deadline), askedAt);
    const gone = this.#others.unrenewedFor(GONE_AFTER_MS);
    const [row] = await this.#connection.query<{ more: boolean }>(forgetOldChanges(gone), deadline);
    if (row?.more !== true) this.#renewals = 0;
  }

  /**
   * The connection is gone: PostgreSQL may have crashed and lost our lease, or what we read that was not durable yet; its
   * transactions' numbers are then given again.
   */
  #lost(): void {
    this.#losses++;
    this.#end();
    this.#snapshot = undefined;
  }

  #end(): void {
    this.#until = Number.NEGATIVE_INFINITY;
    this.#untilWall = Number.NEGATIVE_INFINITY;
  }

  #setAway(error: Error | undefined): void {
    if (this.#away === (error !== undefined)) return;
    this.#away = error !== undefined;
    this.#holder.setAway(error);
  }
}

function changeOf(row: ChangeRow): ZoneChange {
  const { text: zone, id, published_soa: soa, published_soa_ttl: soaTtl, published_change: change } = row;
  return {
    zone,
    version: id === null || soa === null ? undefined : { id, soa, soaTtl: soaTtl ?? 0, change },
  };
}
