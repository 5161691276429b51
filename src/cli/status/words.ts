import type { StateCounts } from '../../store/ledger/states.ts';
import type { StatusPage } from '../../store/status/page.ts';
import { STATES, inWords as standingInWords } from '../../zone/convergence.ts';
import { type Cell, counted, table } from '../output.ts';
import type { Status } from './kinds.ts';
import {
  ago,
  dampingInWords,
  guardInWords,
  outcomeInWords,
  processesInWords,
  queueInWords,
} from './phrases.ts';

/** The state on one screen: a summary, then tables. */
export function inWords(status: Status): string {
  const {
    zones,
    aliases,
    damping,
    secondaries,
    standing,
    refusals,
    problems,
    ahead,
    guards,
    processes,
    queue,
  } = status;
  return [
    `${counted(zones.total, 'zone')}, ${counted(aliases.total, 'alias', 'aliases')}, ${counted(secondaries.length, 'secondary', 'secondaries')}; ${queueInWords(queue)}`,
    processesInWords(processes),
    ...(damping.answers > 0 ? [dampingInWords(damping)] : []),
    ...guards.map(guardInWords),
    '',
    table(
      ['zone', 'serial', 'records', 'state'],
      zones.rows.map((zone) => [
        zone.zone,
        zone.serial,
        zone.records,
        zone.problem ??
          (zone.pending ? 'edits wait to be published' : zone.serial === null ? 'not published yet' : 'ok'),
      ]),
      'no zones: zoneferry zone import FILE makes one',
    ),
    ...rest(zones),
    '',
    table(
      ['alias', 'target', 'published', 'last look', 'outcome'],
      aliases.rows.map((alias) => [
        alias.name,
        alias.target,
        alias.published.join(' ') || null,
        ago(alias.lookedAt),
        outcomeInWords(alias),
      ]),
      'no aliases',
    ),
    ...rest(aliases),
    '',
    table(
      ['secondary', 'newest', 'answered', 'zones', 'last error'],
      secondaries.map((one) => [
        one.secondary,
        one.newest && `${one.newest.zone} ${one.newest.serial}`,
        one.newest?.ackedSerial,
        countsInWords(one.convergence),
        one.notify ? one.lastError : 'NOTIFY is off',
      ]),
      'no secondaries: zoneferry secondary add NAME --address IP registers one',
    ),
    ...troubles(['secondary', 'zone', 'serial', 'state', ''], standing, (row) => [
      row.secondary,
      row.zone,
      row.serial,
      row.state,
      standingInWords(row, Date.now()),
    ]),
    ...troubles(['refused', 'asked', 'times', 'last', 'why', 'what to do'], refusals, (row) => [
      `${row.address}${row.key === null ? '' : ` key ${row.key}`}`,
      [row.asked, row.zone].filter((part) => part).join(' '),
      row.count,
      ago(row.lastAt),
      row.detail,
      row.advice,
    ]),
    ...troubles(['ahead', 'zone', 'has', 'ours', 'what to do'], ahead, (one) => [
      one.secondary,
      one.zone,
      one.serial,
      one.ours,
      one.command ?? 'nothing: a version past it is being published',
    ]),
    ...troubles(['record set aside', 'type', 'why'], problems, (record) => [
      record.name,
      record.type,
      record.problem,
    ]),
  ].join('\n');
}

function countsInWords(counts: StateCounts | undefined): string {
  const present = STATES.filter((state) => (counts?.[state] ?? 0) > 0);
  return present.map((state) => `${counts?.[state]} ${state}`).join(', ') || 'none';
}

function rest(page: StatusPage<unknown>): string[] {
  const more = page.total - page.rows.length;
  return more > 0 ? [`… and ${more} more (--limit, --json)`] : [];
}

/** A table that is there only where it has rows. */
function troubles<T>(heads: string[], page: StatusPage<T>, cells: (row: T) => Cell[]): string[] {
  return page.total === 0 ? [] : ['', table(heads, page.rows.map(cells), ''), ...rest(page)];
}
