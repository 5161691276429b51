import type { Decision } from '../../zone/alias/decide.ts';
import { answerOf, type TargetState } from '../../zone/alias/state.ts';
import {
  type GuardNumbers,
  type GuardPolicy,
  hasAddresses,
  heldBack,
  isDisputed,
  type Move,
  moveOf,
  type SecondOpinion,
} from '../../zone/guard.ts';
import type { Client } from '../pool.ts';
import { countChanges, countLosses, expectLosses, forgetRows, lockGuard, settleRows } from './rows.ts';

/** A decision that waits to be written, as guards look at it. */
export interface Judged {
  name: string;
  before: TargetState;
  decision: Decision;
  /** Whether the target stands in the tables of guards. */
  guarded: boolean;
  opinion?: SecondOpinion | undefined;
  /** When to look again if it is held, in milliseconds since the epoch. */
  again?: number | undefined;
}

export interface Verdict {
  /** Decisions in the place of those that a guard holds, with its numbers. */
  held: Map<string, { decision: Decision; by: GuardNumbers }>;
  /** Targets that another resolver is to be asked for before it is decided. */
  unsure: Set<string>;
  /** Those whose aliases lose all addresses. */
  emptied: Judged[];
  /** Those that stand in the tables of guards, or did. */
  touched: Set<string>;
}

/**
 * Holds decisions against the guards, in the transaction that writes them. Where nothing moves the database is asked nothing. What counts
 * stands in a table, and a lock keeps two workers from passing a limit side by side.
 */
export async function judge(client: Client, looks: readonly Judged[], guards: GuardPolicy): Promise<Verdict> {
  const verdict: Verdict = { held: new Map(), unsure: new Set(), emptied: [], touched: new Set() };
  const moves: Record<Move, Judged[]> = { empties: [], changes: [], losing: [], nothing: [] };
  const well: string[] = [];
  const unchanged: string[] = [];
  for (const look of looks) {
    const move = moveOf(look.before, look.decision, guards);
    moves[move].push(look);
    if (!look.guarded) continue;
    verdict.touched.add(look.name);
    const isWell = isFound(look.decision, guards);
    if (isWell) well.push(look.name);
    if (move === 'empties' || (isWell && move === 'nothing')) unchanged.push(look.name);
  }
  const hold = (look: Judged, by: GuardNumbers) =>
    verdict.held.set(look.name, {
      decision: heldBack(look.before, look.decision, look.again ?? look.decision.dueAt),
      by,
    });

  await forgetRows(client, well, unchanged);
  for (const name of await expectLosses(client, namesOf(moves.losing))) verdict.touched.add(name);
  await judgeLosses(client, moves.empties, guards, hold, verdict);
  if (guards.change < 100) await judgeChanges(client, moves.changes, guards, hold, verdict);
  return verdict;
}

function isFound({ state }: Decision, guards: GuardPolicy): boolean {
  return state.failures === 0 && hasAddresses(answerOf(state)) && !guards.losing(state);
}

async function judgeLosses(
  client: Client,
  losses: readonly Judged[],
  guards: GuardPolicy,
  hold: (look: Judged, by: GuardNumbers) => void,
  verdict: Verdict,
): Promise<void> {
  if (losses.length === 0) return;
  await lockGuard(client, 'empty');
  const counted = await countLosses(client, losses, guards);
  for (const look of losses) {
    verdict.touched.add(look.name);
    if (counted.tooMany) hold(look, counted);
    else verdict.emptied.push(look);
  }
  await settleRows(client, namesOf(losses), counted.tooMany ? 'held' : 'done', counted);
}

/** Above the share, what another resolver confirms is published, and what it speaks against is held. */
async function judgeChanges(
  client: Client,
  changes: readonly Judged[],
  guards: GuardPolicy,
  hold: (look: Judged, by: GuardNumbers) => void,
  verdict: Verdict,
): Promise<void> {
  if (changes.length === 0) return;
  let counted = await countChanges(client, namesOf(changes), guards);
  if (counted.near) {
    await lockGuard(client, 'change');
    counted = await countChanges(client, namesOf(changes), guards);
  }
  const disputed = new Set<Judged>();
  for (const look of changes) {
    if (!counted.tooMany) continue;
    if (look.opinion === undefined) verdict.unsure.add(look.name);
    else if (isDisputed(look.before, look.decision.state, look.opinion)) disputed.add(look);
  }
  for (const look of disputed) {
    hold(look, counted);
    verdict.touched.add(look.name);
  }
  const passed = changes.filter((look) => !verdict.unsure.has(look.name) && !disputed.has(look));
  await settleRows(client, namesOf([...disputed]), 'held', counted);
  await settleRows(client, namesOf(passed), 'done', counted);
}

function namesOf(looks: readonly Judged[]): string[] {
  return looks.map(({ name }) => name);
}
