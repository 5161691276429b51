import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Family, LooksUp } from '../resolve/resolver.ts';
import type { Asker } from '../store/followers.ts';
import { type PackLook, type TakenPack, writePackLooks } from '../store/packs.ts';
import type { Pool } from '../store/pool.ts';
import type { KnownTarget } from '../store/targets.ts';
import type { Tracing } from '../trace.ts';
import type { Decision } from '../zone/alias/decide.ts';
import type { AliasPolicy } from '../zone/alias/policy.ts';
import type { Seen } from '../zone/alias/seen.ts';
import type { FamilyState } from '../zone/alias/state.ts';
import type { GuardPolicy } from '../zone/guard.ts';
import { Batches } from './batches.ts';
import { Confirmer } from './confirmer.ts';
import type { SteadyTarget } from './confirming.ts';
import { Decider } from './decider.ts';
import { GiveBack } from './give-back.ts';
import type { LookForce, LookResult } from './look-result.ts';
import { PackRun } from './pack-run.ts';
import { seenOf } from './seen.ts';
import { SetBack } from './set-back.ts';
import { SlowLooks } from './slow-looks.ts';
import { SteadyWriter } from './steady-writer.ts';
import { Turns } from './turns.ts';

export interface LookerOptions {
  pool: Pool;
  resolver: LooksUp;
  policy: AliasPolicy;
  /** Without them nothing is guarded. */
  guards?: GuardPolicy;
  clock: Clock;
  log: Log;
  /** Told of each decision that was written, for metrics. */
  observe?(decision: Decision): void;
  /** Targets looked at at once, at most. */
  concurrency?: number;
  tracing?: Tracing;
  /** Numbers from 0 to 1, by which looks are spread. */
  draw?: () => number;
}

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
  readonly #turns: Turns;
  readonly setBack: SetBack;
  readonly #confirmer: Confirmer;
  readonly #stop = new AbortController();
  readonly #decider: Decider;
  readonly #steadyWriter: SteadyWriter;
  readonly #packWriter: Batches<PackLook, void>;
  readonly #giveBack: GiveBack;
  readonly #draw: () => number;
  readonly #slow: SlowLooks | undefined;

  constructor(options: LookerOptions) {
    this.#options = options;
    const { pool, policy, clock, draw = Math.random } = options;
    this.#draw = draw;
    this.#slow = options.tracing && new SlowLooks(options.tracing, clock);
    this.#turns = new Turns(options.concurrency ?? 200);
    const { signal } = this.#stop;
    this.#confirmer = new Confirmer({ resolver: options.resolver, policy, turns: this.#turns, signal });
    this.#giveBack = new GiveBack(pool);
    this.setBack = new SetBack(options);
    this.#steadyWriter = new SteadyWriter({ pool, policy, clock, draw });
    this.#packWriter = new Batches(async (looks) => {
      await writePackLooks(pool, looks);
      return [];
    });
    const ask = (name: string, family: Family, avoid: string | undefined) => this.#ask(name, family, avoid);
    this.#decider = new Decider({ ...options, draw, ask });
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
    this.#remember(target.name, entry);
    return entry.done;
  }

  /** Seconds from one look at a target to the next, at most. */
  get farthest(): number {
    const { refreshMin, refreshMax, retryMax } = this.#options.policy;
    return Math.max(refreshMin, refreshMax, retryMax) / 1_000;
  }

  /** Looks at a target that is due: where it is at rest, at little cost. What can't be written is due again soon. */
  async lookAtDue(target: KnownTarget, asker: Asker = {}): Promise<LookResult> {
    try {
      return await this.#lookAtTaken(target, asker);
    } catch (error) {
      this.#giveBack.target(target.name);
      throw error;
    }
  }

  async #lookAtTaken(target: KnownTarget, asker: Asker): Promise<LookResult> {
    const { name, steady } = target;
    const { clock } = this.#options;
    if (steady === undefined) return this.look(target, clock.now(), asker);
    const delay = await new Promise<number | LookResult>((resolve, reject) =>
      this.#confirmer.look(
        { ...target, steady },
        {
          steady: (_, found) => resolve(found),
          other: (_, a, aaaa) => this.#decideOn(target, a, aaaa, asker).then(resolve, reject),
          stopped: () => reject(this.#stop.signal.reason),
        },
      ),
    );
    if (typeof delay === 'object') return delay;
    if (await this.#steadyWriter.write({ name, steady, delay }))
      return { name, outcome: 'resolved', changed: false };
    return this.look({ name, state: target.state }, clock.now(), asker);
  }

  /** Looks at all targets of a pack that is due. Never rejects: what can't be written is due again soon. */
  lookAtPack(
    pack: TakenPack,
    asker: Asker,
    onResult: (result: LookResult | undefined) => void,
  ): Promise<void> {
    const { policy, clock } = this.#options;
    const run = new PackRun(
      pack,
      {
        policy,
        clock,
        draw: this.#draw,
        decide: (target, a, aaaa) => this.#decideOn(target, a, aaaa, asker),
        writePack: (look) => this.#packWriter.add(look),
        writeAlone: (look) => this.#steadyWriter.write(look),
        giveBack: (taken) => this.#giveBack.pack(taken),
      },
      onResult,
    );
    for (const target of pack.targets)
      if (target.steady === undefined) run.decided(this.look(target, clock.now(), asker));
      else this.#confirmer.look(target as SteadyTarget, run);
    return run.done;
  }

  /** Gives up the looks under way: their targets are due again soon. What is answered is written, where it can be at once. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the service stops'));
    const written = this.#decider.stop();
    await Promise.allSettled([...this.#running.values()].map((entry) => entry.done));
    await written;
    await this.#giveBack.stop();
  }

  async #lookInTurn(
    target: KnownTarget,
    asker: Asker,
    force: LookForce | undefined,
    after: Promise<unknown> | undefined,
    begins: () => void,
  ): Promise<LookResult> {
    await after;
    await new Promise<void>((go) => this.#turns.take(go));
    begins();
    return this.#lookAt(target, asker, force);
  }

  #remember(name: string, entry: Running): void {
    this.#running.set(name, entry);
    const forget = () => {
      if (this.#running.get(name) === entry) this.#running.delete(name);
    };
    entry.done.then(forget, forget);
  }

  /** Decides on what was seen of a target that was expected to be at rest. */
  #decideOn(target: KnownTarget, a: Promise<Seen>, aaaa: Promise<Seen>, asker: Asker): Promise<LookResult> {
    this.#slow?.watch(target.name, a, aaaa, asker);
    const done = this.#decider.conclude(target, a, aaaa, asker, undefined);
    if (!this.#running.has(target.name))
      this.#remember(target.name, { startedAt: this.#options.clock.now(), done });
    return done;
  }

  async #lookAt(target: KnownTarget, asker: Asker, force: LookForce | undefined): Promise<LookResult> {
    const { name, state } = target;
    const a = this.#ask(name, 'A', toAvoid(state.a));
    const aaaa = this.#ask(name, 'AAAA', toAvoid(state.aaaa));
    const both = Promise.all([a, aaaa]).finally(() => this.#turns.end());
    this.#slow?.watch(name, a, aaaa, asker);
    both.catch(() => {});
    return this.#decider.conclude(target, a, aaaa, asker, force);
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
}

/** A denial waits for one that is independent of it: from another resolver, where there is one. */
function toAvoid({ denial, addresses }: FamilyState): string | undefined {
  return addresses.length > 0 && !denial?.confirmed ? denial?.resolver : undefined;
}
