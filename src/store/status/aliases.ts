import type { FamilyState } from '../../zone/alias/state.ts';
import { type AliasOptions, unusualOptions } from '../../zone/record.ts';
import { aliasOptions } from '../alias-options.ts';
import { type Damping, dampingOf } from '../damping.ts';
import { guardReason, HELD_COLUMNS, JOIN_HELD } from '../guards/status.ts';
import type { Pool } from '../pool.ts';
import { DUE_AT, JOIN_PACK, LOOKED_AT } from '../target-state.ts';
import { page, type StatusPage } from './page.ts';

/** An ALIAS record, with its options that are not the usual ones, and what it publishes. */
export interface AliasStatus extends Partial<AliasOptions> {
  zone: string;
  name: string;
  target: string;
  /** Who was asked for it: our own zones where its way ends within them. */
  answeredBy: 'records' | 'resolvers';
  /** The names on its way through our own zones, the target first; null where it is no name of ours. */
  path: string[] | null;
  published: string[];
  /** Of a target whose answers rotate: how many serials were saved; null of any other. */
  damping: Damping | null;
  lookedAt: Date | null;
  /** `found`, `nodata`, `nxdomain`, `failed` or `never`, of each family, with what was said. */
  outcome: { a: string; aaaa: string; detail: string | null };
  failures: number;
  /** When it is looked at next. */
  dueAt: Date | null;
  /** Since when, and why, something else than the target's own answer is published. */
  heldSince: Date | null;
  heldReason: string | null;
}

/** ALIAS records of a zone or of all, those that are held or fail first; at most `limit` of them. */
export async function readAliasStatus(
  pool: Pool,
  limit: number,
  zoneId?: string,
): Promise<StatusPage<AliasStatus>> {
  // the few rows to show are chosen first: there may be a million
  const { rows } = await pool.query(
    `select (select count(*) from aliases where $2::bigint is null or zone_id = $2) as total, z.name as zone, coalesce(r.name, a.owner) as name, a.target, a.path, a.held_since, a.held_reason,
       ${LOOKED_AT} as looked_at, t.failures, ${DUE_AT} as due_at, t.state, ${HELD_COLUMNS}, ${aliasOptions('r')} as options,
       array(select p.content from transfer_records p where p.zone_id = a.zone_id and p.owner = a.owner
         and p.source_record_id = a.record_id and p.type <> 'TXT' order by p.type, p.content) as published
     from (
       select a.record_id from aliases a left join alias_targets t on t.name = a.target
       left join (select distinct target from guarded_targets where state = 'held') g on g.target = a.target
       where $2::bigint is null or a.zone_id = $2
       order by (a.held_since is null and g.target is null), (coalesce(t.failures, 0) = 0), a.zone_id, a.owner limit $1::bigint
     ) as chosen
     join aliases a using (record_id)
     join zones z on z.id = a.zone_id
     left join records r on r.id = a.record_id
     left join alias_targets t on t.name = a.target ${JOIN_PACK}
     ${JOIN_HELD}
     order by (a.held_since is null and g.guard is null), (coalesce(t.failures, 0) = 0), z.name, a.owner`,
    [limit, zoneId ?? null],
  );
  return page(rows, (row) => {
    const { a, aaaa, deniedSince } = row.state ?? {};
    const denied = typeof deniedSince === 'number' && row.published.length > 0;
    return {
      zone: row.zone,
      name: row.name,
      target: row.path?.[0] ?? row.target,
      ...unusualOptions(row.options),
      answeredBy: row.target === null ? 'records' : 'resolvers',
      path: row.path,
      published: row.published,
      damping: dampingOf(row.state ?? {}),
      lookedAt: row.looked_at,
      outcome: row.target === null ? ownOutcome(row) : outcomeOf(a, aaaa),
      failures: row.failures ?? 0,
      dueAt: row.due_at,
      heldSince: row.held_since ?? row.guarded_at ?? (denied ? new Date(deniedSince) : null),
      heldReason: row.held_reason ?? guardReason(row) ?? (denied ? DENIED : null),
    };
  });
}

export const DENIED = 'the target has no addresses any more: the last known ones stay for NEGATIVE_HOLD';

/** What our own records say. */
function ownOutcome(alias: { published: string[]; held_reason: string | null }): AliasStatus['outcome'] {
  if (alias.held_reason !== null) return { a: 'failed', aaaa: 'failed', detail: null };
  const has = (isIpv6: boolean) => alias.published.some((address) => address.includes(':') === isIpv6);
  return { a: has(false) ? 'found' : 'nodata', aaaa: has(true) ? 'found' : 'nodata', detail: null };
}

function outcomeOf(
  a: Partial<FamilyState> | undefined,
  aaaa: Partial<FamilyState> | undefined,
): AliasStatus['outcome'] {
  const details = [a, aaaa].flatMap((family) => [
    ...(family?.last === 'failed' && family.detail ? [family.detail] : []),
    ...(family?.last === 'found' && family.detail ? [family.detail] : []),
    ...(family?.withdrawn ? [`withdrawn: ${family.withdrawn}`] : []),
  ]);
  return {
    a: a?.last ?? 'never',
    aaaa: aaaa?.last ?? 'never',
    detail: [...new Set(details)].join('; ') || null,
  };
}
