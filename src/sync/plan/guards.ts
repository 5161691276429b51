import type { AliasOverride } from '../../store/guards/overrides.ts';
import { apexAliases } from '../../store/guards/overrides.ts';
import { type Counted, countChanges, countLosses } from '../../store/guards/rows.ts';
import type { Decision } from '../../zone/alias/decide.ts';
import { answerOf } from '../../zone/alias/state.ts';
import type { Answers } from '../../zone/desired.ts';
import { apexReason, endsOverride, heldBack, isDisputed, type Move, moveOf } from '../../zone/guard.ts';
import { seenOf } from '../seen.ts';
import type { Planned, PlanRooms } from './looks.ts';

export interface GuardsPlanned {
  /** What the aliases of these targets would publish. */
  answers: Answers;
  /** What guards would hold. */
  held: { counted: Counted; targets: string[]; aliases: number }[];
  /** Aliases at zones' own names that would keep their addresses. */
  kept: { targets: number; aliases: number };
}

/** What guards would let pass of these moves, were they all made at once. `forced`: the zones named pass all of them. */
export async function planGuards(
  moved: ReadonlyMap<string, Planned>,
  forced: boolean,
  overrides: ReadonlyMap<string, AliasOverride>,
  rooms: PlanRooms,
): Promise<GuardsPlanned> {
  const decisions = new Map<string, Decision>([...moved].map(([name, { decision }]) => [name, decision]));
  if (forced) {
    const answers: Answers = (target) => answered(decisions.get(target));
    return { answers, held: [], kept: { targets: 0, aliases: 0 } };
  }
  const moves: Record<Move, Planned[]> = { empties: [], changes: [], losing: [], nothing: [] };
  for (const planned of moved.values())
    moves[moveOf(planned.before, planned.decision, rooms.guards)].push(planned);

  const held: GuardsPlanned['held'] = [];
  const hold = (counted: Counted, all: readonly Planned[]) => {
    if (all.length === 0) return;
    for (const { name, before, decision } of all)
      decisions.set(name, heldBack(before, decision, decision.dueAt));
    const targets = all.map(({ name }) => name);
    const aliases = targets.reduce((sum, name) => sum + (counted.aliases.get(name) ?? 0), 0);
    held.push({ counted, targets, aliases });
  };
  if (moves.empties.length > 0) {
    // those on the way are counted as in a run
    const counted = await countLosses(rooms.pool, [...moves.empties, ...moves.losing], rooms.guards);
    if (counted.tooMany) hold(counted, moves.empties);
  }
  if (moves.changes.length > 0 && rooms.guards.change < 100) {
    const names = moves.changes.map(({ name }) => name);
    const counted = await countChanges(rooms.pool, names, rooms.guards);
    if (counted.tooMany) hold(counted, await disputed(moves.changes, rooms));
  }

  const emptied = moves.empties.filter(({ name, decision }) => decisions.get(name) === decision);
  const apex = rooms.guards.apex
    ? await apexAliases(
        rooms.pool,
        emptied.map(({ name }) => name),
      )
    : new Map<string, string>();
  const answers: Answers = (target, recordId) => {
    const decision = decisions.get(target);
    const override = overrides.get(recordId);
    if (decision && override?.target === target && !endsOverride(override, decision)) return override.answer;
    const zone = apex.get(recordId);
    const before = moved.get(target)?.before;
    if (zone !== undefined && before) return { ...answerOf(before), held: apexReason(zone) };
    return answered(decision);
  };
  return { answers, held, kept: { targets: apex.size > 0 ? emptied.length : 0, aliases: apex.size } };
}

function answered(decision: Decision | undefined): ReturnType<Answers> {
  return decision && answerOf(decision.state);
}

/** Those of these changes that another resolver speaks against. */
async function disputed(changes: readonly Planned[], { resolver }: PlanRooms): Promise<Planned[]> {
  const verdicts = await Promise.all(
    changes.map(async ({ name, before, decision, look }) => {
      const another = async (family: 'A' | 'AAAA', first = look[family === 'A' ? 'a' : 'aaaa']) => {
        const second = await resolver.look(name, family, { avoid: first?.resolver });
        return second.resolver === first?.resolver ? undefined : seenOf(second);
      };
      const [a, aaaa] = await Promise.all([another('A'), another('AAAA')]);
      return isDisputed(before, decision.state, { a, aaaa });
    }),
  );
  return changes.filter((_, index) => verdicts[index]);
}
