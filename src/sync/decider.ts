import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Family } from '../resolve/outcome.ts';
import type { Asker } from '../store/followers.ts';
import type { Pool } from '../store/pool.ts';
import type { KnownTarget } from '../store/targets.ts';
import { type Decision, decide } from '../zone/alias/decide.ts';
import type { AliasPolicy } from '../zone/alias/policy.ts';
import type { Seen, TargetLook } from '../zone/alias/seen.ts';
import { spread } from '../zone/alias/spread.ts';
import type { TargetState } from '../zone/alias/state.ts';
import type { GuardPolicy, SecondOpinion } from '../zone/guard.ts';
import { withinReason } from './late.ts';
import { report } from './look-report.ts';
import type { LookForce, LookResult } from './look-result.ts';
import { LookWriter, type Written } from './look-writer.ts';

export interface DeciderRooms {
  pool: Pool;
  policy: AliasPolicy;
  /** Without them nothing is guarded. */
  guards?: GuardPolicy;
  clock: Clock;
  log: Log;
  /** Told of each decision that was written, for metrics. */
  observe?(decision: Decision): void;
  /** Numbers from 0 to 1, by which looks are spread. */
  draw: () => number;
  /** Asks for one family, at another resolver than `avoid` where there is one. */
  ask(name: string, family: Family, avoid: string | undefined): Promise<Seen>;
}

/** Decides on what looks saw, and writes it, many looks to a transaction. */
export class Decider {
  readonly #rooms: DeciderRooms;
  readonly #writer: LookWriter;

  constructor(rooms: DeciderRooms) {
    this.#rooms = rooms;
    this.#writer = new LookWriter(rooms.pool, rooms.log, rooms.guards);
  }

  /** Waits for what is being written. */
  stop(): Promise<void> {
    return this.#writer.stop();
  }

  /** Decides on both families at once; one that is late is decided on by itself. */
  async conclude(
    target: KnownTarget,
    a: Promise<Seen>,
    aaaa: Promise<Seen>,
    asker: Asker,
    force: LookForce | undefined,
  ): Promise<LookResult> {
    const got: TargetLook = {};
    const both = Promise.all([a.then((seen) => (got.a = seen)), aaaa.then((seen) => (got.aaaa = seen))]);
    both.catch(() => {});
    await Promise.race([a, aaaa]);
    if (!got.a || !got.aaaa) await withinReason(both);
    const inTime = { ...got };
    const first = await this.#decideAndWrite(target, inTime, asker, force);
    if (inTime.a && inTime.aaaa) return first;
    await both;
    const late: TargetLook = inTime.a ? { aaaa: got.aaaa } : { a: got.a };
    const second = await this.#decideAndWrite(target, late, asker, force);
    return { ...second, changed: first.changed || second.changed };
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
    report(this.#rooms.log, name, decision, asker);
    if (!heldBy) this.#rooms.observe?.(decision);
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
    const { clock, policy, guards } = this.#rooms;
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
        return { ...decision, dueAt: spread(decision.dueAt, now, policy, this.#rooms.draw()) };
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
      const second = first && (await this.#rooms.ask(name, family, first.resolver));
      return second && second.resolver !== first?.resolver ? second : undefined;
    };
    const [a, aaaa] = await Promise.all([ask('A', look.a), ask('AAAA', look.aaaa)]);
    return { a, aaaa };
  }
}

function outcomeOf(state: TargetState): LookResult['outcome'] {
  if (state.failures === 0) return 'resolved';
  return state.a.addresses.length + state.aaaa.addresses.length > 0 ? 'held' : 'failed';
}
