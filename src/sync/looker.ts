import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Family, Look, Resolver } from '../resolve/resolver.ts';
import type { Pool } from '../store/pool.ts';
import { type KnownTarget, type TargetUpdate, writeLooks } from '../store/targets.ts';
import { decide, type TargetLook } from '../zone/alias/decide.ts';
import type { AliasPolicy, Seen, TargetState } from '../zone/alias/policy.ts';

export interface LookerOptions {
  pool: Pool;
  resolver: Pick<Resolver, 'look'>;
  policy: AliasPolicy;
  clock: Clock;
  log: Log;
  /** Targets looked at at once, at most. */
  concurrency?: number;
}

/** How one target's look ended: with addresses, with the last known ones held, or with none at all. */
export interface LookResult {
  name: string;
  outcome: 'resolved' | 'held' | 'failed';
  /** Whether what its aliases publish changed; their names are marked then. */
  changed: boolean;
}

const LATE_BY = 250; // ms that one family waits for the other
const GATHER = 5; // ms in which looks are gathered for one transaction
const BATCH = 500;

interface Running {
  startedAt: number;
  done: Promise<LookResult>;
}

/**
 * Looks at targets, A and AAAA side by side, decides by the policy and writes what came of it, many looks to a transaction. Whoever
 * asks for a target that is being looked at shares that look, if it began late enough to count.
 */
export class Looker {
  readonly #options: LookerOptions;
  readonly #running = new Map<string, Running>();
  readonly #queue: (() => void)[] = [];
  #active = 0;
  #writes: { update: TargetUpdate; job: string | undefined; settle: (error?: unknown) => void }[] = [];
  #writer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: LookerOptions) {
    this.#options = options;
  }

  /**
   * Looks at a target. `notBefore` (milliseconds): a look that began earlier doesn't count. `force` takes a denial at its word.
   */
  look(target: KnownTarget, notBefore: number, job?: string, force = false): Promise<LookResult> {
    const running = this.#running.get(target.name);
    if (running && running.startedAt >= notBefore && !force) return running.done;
    const after = running?.done.catch(() => {});
    const entry: Running = {
      startedAt: this.#options.clock.now(),
      done: this.#lookInTurn(target, job, force, after),
    };
    this.#running.set(target.name, entry);
    const forget = () => {
      if (this.#running.get(target.name) === entry) this.#running.delete(target.name);
    };
    entry.done.then(forget, forget);
    return entry.done;
  }

  /** Waits for what is being written. */
  async stop(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map((entry) => entry.done));
    await this.#writing;
  }

  async #lookInTurn(
    target: KnownTarget,
    job: string | undefined,
    force: boolean,
    after: Promise<unknown> | undefined,
  ): Promise<LookResult> {
    await after;
    if (this.#active >= (this.#options.concurrency ?? 200))
      await new Promise<void>((go) => this.#queue.push(go));
    this.#active++;
    try {
      return await this.#lookAt(target, job, force);
    } finally {
      this.#active--;
      this.#queue.shift()?.();
    }
  }

  async #lookAt(target: KnownTarget, job: string | undefined, force: boolean): Promise<LookResult> {
    const got: TargetLook = {};
    const a = this.#ask(target.name, 'A').then((seen) => (got.a = seen));
    const aaaa = this.#ask(target.name, 'AAAA').then((seen) => (got.aaaa = seen));
    const both = Promise.all([a, aaaa]);
    await Promise.race([a, aaaa]);
    await withinReason(both);
    const inTime = { ...got };
    const first = await this.#decideAndWrite(target, target.state, inTime, job, force);
    if (inTime.a && inTime.aaaa) return first;
    await both;
    const late: TargetLook = inTime.a ? { aaaa: got.aaaa } : { a: got.a };
    const second = await this.#decideAndWrite(target, first.state, late, job, force);
    return { ...second, changed: first.changed || second.changed };
  }

  async #ask(target: string, family: Family): Promise<Seen> {
    try {
      return seenOf(await this.#options.resolver.look(target, family));
    } catch (error) {
      return { kind: 'failed', reason: 'not asked', detail: messageOf(error) };
    }
  }

  async #decideAndWrite(
    target: KnownTarget,
    before: TargetState,
    look: TargetLook,
    job: string | undefined,
    force: boolean,
  ): Promise<LookResult & { state: TargetState }> {
    const { clock, policy, log } = this.#options;
    const decision = decide(before, look, policy, clock.now(), force);
    if (decision.changed) {
      const { a, aaaa } = decision.state;
      log.info(
        { target: target.name, a: a.addresses, aaaa: aaaa.addresses, job },
        `${target.name} changed its addresses`,
      );
    } else if (decision.state.failures === 1) {
      log.warn(
        { target: target.name, a: decision.state.a.detail, aaaa: decision.state.aaaa.detail },
        `${target.name} was not resolved; what is published stays`,
      );
    }
    const update = {
      name: target.name,
      state: decision.state,
      dueAt: new Date(decision.dueAt),
      changed: decision.changed,
    };
    await this.#write(update, job);
    return {
      name: target.name,
      outcome: outcomeOf(decision.state),
      changed: decision.changed,
      state: decision.state,
    };
  }

  #write(update: TargetUpdate, job: string | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#writes.push({ update, job, settle: (error) => (error ? reject(error) : resolve()) });
      if (this.#writes.length >= BATCH) this.#flush();
      else this.#writer ??= setTimeout(() => this.#flush(), GATHER);
    });
  }

  #flush(): void {
    clearTimeout(this.#writer);
    this.#writer = undefined;
    const writes = this.#writes.splice(0);
    if (writes.length === 0) return;
    this.#writing = this.#writing.then(async () => {
      try {
        const jobs = [...new Set(writes.flatMap((write) => write.job ?? []))];
        // a target's two families may be in one batch: the later state stands for both
        const updates = new Map<string, TargetUpdate>();
        for (const { update } of writes) {
          updates.set(update.name, {
            ...update,
            changed: update.changed || (updates.get(update.name)?.changed ?? false),
          });
        }
        await writeLooks(this.#options.pool, [...updates.values()], jobs);
        for (const { settle } of writes) settle();
      } catch (error) {
        this.#options.log.error(
          { error: messageOf(error) },
          'looks could not be written; the targets are looked at again',
        );
        for (const { settle } of writes) settle(error);
      }
    });
  }
}

function seenOf(look: Look): Seen {
  const { outcome } = look;
  if (outcome.kind === 'found') return { kind: 'found', addresses: outcome.addresses, ttl: outcome.ttl };
  if (outcome.kind === 'failed') return { kind: 'failed', reason: outcome.reason, detail: outcome.detail };
  return { kind: outcome.kind };
}

function outcomeOf(state: TargetState): LookResult['outcome'] {
  if (state.failures === 0) return 'resolved';
  return state.a.addresses.length + state.aaaa.addresses.length > 0 ? 'held' : 'failed';
}

async function withinReason<T>(both: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LATE_BY);
  });
  try {
    return await Promise.race([both, late]);
  } finally {
    clearTimeout(timer);
  }
}
