import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Family, LooksUp } from '../resolve/resolver.ts';
import type { Asker } from '../store/followers.ts';
import type { Pool } from '../store/pool.ts';
import type { KnownTarget } from '../store/targets.ts';
import { changeId } from '../trace.ts';
import { type Decision, decide, delayUntilRefresh } from '../zone/alias/decide.ts';
import type { AliasPolicy } from '../zone/alias/policy.ts';
import type { Seen, TargetLook } from '../zone/alias/seen.ts';
import { spread } from '../zone/alias/spread.ts';
import type { FamilyState, TargetState } from '../zone/alias/state.ts';
import { isSteady } from '../zone/alias/steady.ts';
import type { GuardPolicy, SecondOpinion } from '../zone/guard.ts';
import { LookWriter, type Written } from './look-writer.ts';
import { seenOf } from './seen.ts';
import { SteadyWriter } from './steady-writer.ts';

export interface LookerOptions {
  pool: Pool;
  resolver: LooksUp;
  policy: AliasPolicy;
  /** Without them nothing is guarded. */
  guards?: GuardPolicy;
  clock: Clock;
  log: Log;
  /** Targets looked at at once, at most. */
  concurrency?: number;
  /** Numbers from 0 to 1, by which looks are spread. */
  draw?: () => number;
}

/** How one target's look ended: with addresses, with the last known ones held, or with none at all. */
export interface LookResult {
  name: string;
  outcome: 'resolved' | 'held' | 'failed';
  /** Whether what its aliases publish changed; their names are marked then. */
  changed: boolean;
}

/** What a forced look passes by: damping, or everything that holds back a good answer, for the aliases of these zones alone. */
export type LookForce = 'damping' | { zoneIds: readonly string[] };

const LATE_BY = 250; // ms that one family waits for the other

interface Running {
  /** Infinite while it waits for its turn: it serves whoever comes until then. */
  startedAt: number;
  done: Promise<LookResult>;
}

const NOT_YET = new Promise<LookResult>(() => {});

/**
 * Looks at targets, A and AAAA side by side, decides by the policy and writes what came of it, many looks to a transaction. Whoever
 * asks for a target that is being looked at shares that look, if it began late enough to count.
 */
export class Looker {
  readonly #options: LookerOptions;
  readonly #running = new Map<string, Running>();
  readonly #queue: (() => void)[] = [];
  readonly #stop = new AbortController();
  #active = 0;
  readonly #writer: LookWriter;
  readonly #steadyWriter: SteadyWriter;
  readonly #draw: () => number;

  constructor(options: LookerOptions) {
    this.#options = options;
    this.#draw = options.draw ?? Math.random;
    this.#steadyWriter = new SteadyWriter(options.pool);
    this.#writer = new LookWriter(options.pool, options.log, options.guards);
  }

  /**
   * Looks at a target. `notBefore` (milliseconds): a look that began earlier doesn't count.
   */
  look(target: KnownTarget, notBefore: number, asker: Asker = {}, force?: LookForce): Promise<LookResult> {
    const running = this.#running.get(target.name);
    if (running && running.startedAt >= notBefore && !force) return running.done;
    const after = running?.done.catch(() => {});
    const entry: Running = { startedAt: Number.POSITIVE_INFINITY, done: NOT_YET };
    entry.done = this.#lookInTurn(target, asker, force, after, () => {
      entry.startedAt = this.#options.clock.now();
    });
    this.#running.set(target.name, entry);
    const forget = () => {
      if (this.#running.get(target.name) === entry) this.#running.delete(target.name);
    };
    entry.done.then(forget, forget);
    return entry.done;
  }

  /** Gives up the looks under way: their targets are due again soon. What is answered is written, where it can be at once. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the service stops'));
    const written = this.#writer.stop();
    await Promise.allSettled([...this.#running.values()].map((entry) => entry.done));
    await written;
  }

  async #lookInTurn(
    target: KnownTarget,
    asker: Asker,
    force: LookForce | undefined,
    after: Promise<unknown> | undefined,
    begins: () => void,
  ): Promise<LookResult> {
    await after;
    if (this.#active >= (this.#options.concurrency ?? 200))
      await new Promise<void>((go) => this.#queue.push(go));
    this.#active++;
    begins();
    return this.#lookAt(target, asker, force);
  }

  /** Another target has its turn: what is answered, and waits to be written, takes no place. */
  #release(): void {
    this.#active--;
    this.#queue.shift()?.();
  }

  async #lookAt(target: KnownTarget, asker: Asker, force: LookForce | undefined): Promise<LookResult> {
    const got: TargetLook = {};
    const { name, state } = target;
    const a = this.#ask(name, 'A', toAvoid(state.a)).then((seen) => (got.a = seen));
    const aaaa = this.#ask(name, 'AAAA', toAvoid(state.aaaa)).then((seen) => (got.aaaa = seen));
    const both = Promise.all([a, aaaa]).finally(() => this.#release());
    both.catch(() => {});
    await Promise.race([a, aaaa]);
    if (!got.a || !got.aaaa) await withinReason(both);
    const inTime = { ...got };
    if (await this.#isSteady(target, inTime, force)) return { name, outcome: 'resolved', changed: false };
    const first = await this.#decideAndWrite(target, inTime, asker, force);
    if (inTime.a && inTime.aaaa) return first;
    await both;
    const late: TargetLook = inTime.a ? { aaaa: got.aaaa } : { a: got.a };
    const second = await this.#decideAndWrite(target, late, asker, force);
    return { ...second, changed: first.changed || second.changed };
  }

  async #ask(target: string, family: Family, avoid: string | undefined): Promise<Seen> {
    try {
      const { signal } = this.#stop;
      return seenOf(await this.#options.resolver.look(target, family, { signal, avoid }));
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      return { kind: 'failed', reason: 'not asked', detail: messageOf(error) };
    }
  }

  /** Whether a look found what was known when its target was taken, and that is written down. */
  async #isSteady(
    { name, steady }: KnownTarget,
    look: TargetLook,
    force: LookForce | undefined,
  ): Promise<boolean> {
    const { policy, clock } = this.#options;
    if (steady === undefined || force || !isSteady(steady, look, policy)) return false;
    const left = [look.a, look.aaaa].flatMap((seen) => (seen?.kind === 'found' ? [seen.ttl * 1000] : []));
    const now = clock.now();
    const dueAt = spread(now + delayUntilRefresh(left, policy), now, policy, this.#draw());
    return this.#steadyWriter.write({ name, steady, dueAt });
  }

  /** The decision is made on what is known when it is written, as others may have looked meanwhile. */
  async #decideAndWrite(
    { name }: KnownTarget,
    look: TargetLook,
    asker: Asker,
    force: LookForce | undefined,
  ): Promise<LookResult> {
    let written = await this.#write(name, look, asker, force);
    if (written === 'unsure')
      written = await this.#write(name, look, asker, force, await this.#askAnother(name, look));
    if (!written || written === 'unsure') return { name, outcome: 'failed', changed: false };
    const { decision, heldBy, forcedSome } = written;
    this.#report(name, decision, asker);
    const outcome = heldBy ? 'held' : outcomeOf(decision.state);
    return { name, outcome, changed: decision.changed || forcedSome };
  }

  #write(
    name: string,
    look: TargetLook,
    asker: Asker,
    force: LookForce | undefined,
    opinion?: SecondOpinion,
  ): Promise<Written> {
    const { clock, policy, guards } = this.#options;
    const now = clock.now();
    // a failed look is never taken for an answer
    const isAnswer = [look.a, look.aaaa].some((seen) => seen && seen.kind !== 'failed');
    const zoneIds = typeof force === 'object' && isAnswer ? force.zoneIds : undefined;
    return this.#writer.write({
      name,
      asker,
      decide: (before) => {
        const decision = decide(before, look, policy, now, force === 'damping' ? force : undefined);
        // a failing one is looked at again as soon as it may be
        if (decision.state.failures > 0) return decision;
        return { ...decision, dueAt: spread(decision.dueAt, now, policy, this.#draw()) };
      },
      ...(zoneIds && {
        forced: { zoneIds, decide: (before) => decide(before, look, policy, now, 'everything') },
      }),
      ...(opinion && { opinion }),
      ...(guards && { again: now + guards.again }),
    });
  }

  /** Asks for the same at another resolver; where the same one answers, there is no other opinion. */
  async #askAnother(name: string, look: TargetLook): Promise<SecondOpinion> {
    const ask = async (family: Family, first: Seen | undefined) => {
      const second = first && (await this.#ask(name, family, first.resolver));
      return second && second.resolver !== first?.resolver ? second : undefined;
    };
    const [a, aaaa] = await Promise.all([ask('A', look.a), ask('AAAA', look.aaaa)]);
    return { a, aaaa };
  }

  #report(name: string, { state, news, changed }: Decision, asker: Asker): void {
    const { log } = this.#options;
    const { a, aaaa, failures } = state;
    const by = { job: asker.job, change: asker.change && changeId(asker.change) };
    for (const line of news) log.warn({ target: name, ...by }, `${name}: ${line}`);
    if (changed) {
      log.info(
        { target: name, a: a.addresses, aaaa: aaaa.addresses, ...by },
        `${name} changed its addresses`,
      );
    } else if (failures === 1) {
      log.warn(
        { target: name, a: a.detail, aaaa: aaaa.detail, ...by },
        `${name} was not resolved; what is published stays`,
      );
    }
  }
}

/** A denial waits for one that is independent of it: from another resolver, where there is one. */
function toAvoid({ denial, addresses }: FamilyState): string | undefined {
  return addresses.length > 0 && !denial?.confirmed ? denial?.resolver : undefined;
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
