import { rcodeToText } from '../dns/types.ts';
import { aheadBy, FOLLOWED_UNASKED, walkCommand } from './serial-walk.ts';

/** How a zone stands at a secondary. Which of them it is, is decided in SQL (`zoneferry_state`), so that all can be counted. */
export const STATES = [
  'ahead',
  'different',
  'refusing',
  'silent',
  'lagging',
  'converging',
  'converged',
  'not checked',
] as const;
export type State = (typeof STATES)[number];

/** What the ledger knows of the newest serial of a zone at one secondary. */
export interface Convergence {
  zone: string;
  secondary: string;
  state: State;
  /** Why nobody looks; only where the state is `not checked`. */
  unchecked: 'NOTIFY is off' | 'not to be asked' | 'optional' | 'a catalog' | null;
  /** What we publish, and since when. */
  serial: number;
  committedAt: Date;
  notifiedAt: Date | null;
  ackedAt: Date | null;
  /** The last answer to NOTIFY, or what came in its place. */
  rcode: number | null;
  notifyError: string | null;
  /** What it asked of us for this serial. */
  askedAt: Date | null;
  served: { at: Date; kind: string; bytes: number; ms: number } | null;
  servingAt: Date | null;
  checkedAt: Date | null;
  /** The last serial that it showed, when it was last looked at, and what came in place of a serial. */
  shown: number | null;
  seenAt: Date | null;
  seenRcode: number | null;
  seenError: string | null;
  differs: string | null;
  highest: number | null;
  nextLookAt: Date | null;
}

/**
 * The state in a sentence: what was seen last, the likely cause, and what to do.
 *
 * @param now ms since the epoch
 */
export function inWords(row: Convergence, now: number): string {
  switch (row.state) {
    case 'converged':
      return `serves ${row.shown ?? row.serial}, seen ${period(row.committedAt, row.servingAt)} after the change${row.checkedAt === null ? '' : ', content compared'}`;
    case 'converging':
      return `for ${age(row.committedAt, now)}: ${lastSeen(row, now)}`;
    case 'lagging':
      return `since ${row.committedAt.toISOString()} (${age(row.committedAt, now)}): ${lastSeen(row, now)}`;
    case 'refusing':
      return refusal(row);
    case 'silent':
      return `no answer since ${row.committedAt.toISOString()}: ${row.ackedAt === null ? (row.notifyError ?? row.seenError) : row.seenError}; is it up, and does the path let UDP through?`;
    case 'ahead':
      return ahead(row);
    case 'different':
      return `serves ${row.serial}, but ${row.differs} is not as published: let it fetch the zone anew, and see who else writes there`;
    case 'not checked':
      return row.unchecked ?? 'nobody looks';
  }
}

function ahead({ zone, serial, shown }: Convergence): string {
  const theirs = shown ?? serial;
  const far = aheadBy(theirs, serial) >= FOLLOWED_UNASKED;
  const what = `has serial ${theirs}, newer than ours, ${serial}, and would take no change`;
  const command = walkCommand(zone, theirs);
  return far
    ? `${what}: ${command}`
    : `${what}: a version past it is being published; should it stay so: ${command}`;
}

function refusal(row: Convergence): string {
  if (row.rcode !== null && row.rcode !== 0)
    return `answers NOTIFY with ${rcodeToText(row.rcode)}: ${notifyCause(row.rcode)}`;
  if (row.seenRcode === null) return row.notifyError ?? 'see its log';
  return `${row.seenError ?? rcodeToText(row.seenRcode)}: ${SOA_CAUSES[row.seenRcode] ?? 'see its log'}`;
}

/** The likely cause of a NOTIFY's rcode, and what to do. */
export function notifyCause(rcode: number): string {
  return NOTIFY_CAUSES[rcode] ?? 'see its log';
}

const NOTIFY_CAUSES: Record<number, string> = {
  1: 'it can not read it; an old server, or one that wants no key',
  2: 'it failed inside; see its log',
  3: 'it does not have the zone',
  4: 'it knows no NOTIFY and only polls: --no-notify',
  5: 'our address or key is not among its primaries, or it does not have the zone',
  9: 'it does not have the zone as a secondary, or does not know the key',
};

const SOA_CAUSES: Record<number, string> = {
  2: 'it has no valid copy of the zone: its transfers fail, or the copy has expired',
  3: 'it does not have the zone',
  5: 'it does not have the zone, or does not answer us: --check says where it answers, or none',
  9: 'it does not have the zone',
};

/** The last thing that is known, in the order in which they come. */
function lastSeen(row: Convergence, now: number): string {
  const ago = (moment: Date) => `${age(moment, now)} ago`;
  const shows =
    row.seenError !== null
      ? `; ${row.seenError}`
      : row.seenAt !== null && row.shown !== null
        ? `; showed ${row.shown} ${ago(row.seenAt)}`
        : '';
  const { served, askedAt, ackedAt, notifiedAt } = row;
  if (served !== null)
    return `took it ${ago(served.at)} (${served.kind}, ${served.bytes} bytes, ${served.ms} ms)${shows}`;
  if (askedAt !== null) return `asked for the SOA ${ago(askedAt)} and took nothing${shows}`;
  if (ackedAt !== null) return `answered NOTIFY ${ago(ackedAt)} and did not ask${shows}`;
  if (row.notifyError !== null) return `NOTIFY: ${row.notifyError}${shows}`;
  return notifiedAt === null ? 'not told yet' : `told ${ago(notifiedAt)}${shows}`;
}

function age(since: Date, now: number): string {
  return inUnits(Math.max(0, now - since.getTime()));
}

function period(from: Date, to: Date | null): string {
  return to === null ? '?' : inUnits(Math.max(0, to.getTime() - from.getTime()));
}

function inUnits(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 120) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}
