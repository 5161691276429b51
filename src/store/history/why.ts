import type { Evidence } from '../../zone/alias/evidence.ts';
import { type Reason, readReason } from '../../zone/cause.ts';
import { guardReason, HELD_COLUMNS, JOIN_HELD } from '../guards/status.ts';
import type { Pool } from '../pool.ts';
import { DENIED } from '../status/aliases.ts';
import { DUE_AT, JOIN_PACK, STATE, stateOf } from '../target-state.ts';

/** What an ALIAS publishes, and what that rests on. Times of the service, TTLs in seconds. */
export interface AliasWhy {
  zone: string;
  /** As the record has it. */
  name: string;
  target: string;
  /** The names on its way through our own zones, the target first; null where it is no name of ours. */
  path: string[] | null;
  /** What resolvers are asked for; null where our own records answer. */
  followed: string | null;
  /** Of the ALIAS record. */
  ttl: number;
  disabled: boolean;
  published: { type: string; ttl: number; content: string }[];
  /** Why something else than the target's last answer is published, and since when; null where nothing is held. */
  heldReason: string | null;
  heldSince: Date | null;
  /** What the last looks came to, newest first; `from` and `to` in milliseconds since the epoch. */
  looks: Evidence[];
  /** Failed or negative looks in a row. */
  failures: number;
  lookedAt: Date | null;
  /** When the target is looked at again; null where it is not followed yet. */
  nextLookAt: Date | null;
  /** The last version that this target's answer made, where the journal still has it. */
  lastChange: { at: Date; from: number; serial: number; reason: Reason } | null;
}

/** The ALIAS at this name, in lower case; undefined where there is none. */
export async function readAliasWhy(pool: Pool, zoneId: string, owner: string): Promise<AliasWhy | undefined> {
  const { rows } = await pool.query(
    `select z.name as zone, r.name, r.ttl, r.disabled, r.content, a.target, a.path, a.held_reason, a.held_since, ${STATE}, t.failures, ${DUE_AT} as due_at, ${HELD_COLUMNS},
       coalesce((select jsonb_agg(jsonb_build_object('type', p.type, 'ttl', p.ttl, 'content', p.content) order by p.type, p.content)
         from transfer_records p where p.zone_id = r.zone_id and p.owner = r.owner and p.source_record_id = r.id), '[]') as published
     from records r join zones z on z.id = r.zone_id
     left join aliases a on a.record_id = r.id
     left join alias_targets t on t.name = a.target ${JOIN_PACK}
     ${JOIN_HELD}
     where r.zone_id = $1::bigint and r.owner = $2 and r.type = 'ALIAS' order by r.disabled, r.id limit 1`,
    [zoneId, owner],
  );
  const [row] = rows;
  if (!row) return undefined;
  const state = stateOf({ ...row, state: row.state ?? {} });
  const denied = state.deniedSince !== undefined && row.published.length > 0;
  return {
    zone: row.zone,
    name: row.name,
    target: row.path?.[0] ?? row.target ?? row.content,
    path: row.path,
    followed: row.target,
    ttl: row.ttl,
    disabled: row.disabled,
    published: row.published,
    heldReason: row.held_reason ?? guardReason(row) ?? (denied ? DENIED : null),
    heldSince: row.held_since ?? row.guarded_at ?? (denied ? new Date(state.deniedSince ?? 0) : null),
    looks: state.evidence,
    failures: row.failures ?? 0,
    lookedAt: row.looked_at,
    nextLookAt: row.due_at,
    lastChange: await readLastChange(pool, zoneId, row.target, row.path ?? []),
  };
}

async function readLastChange(
  pool: Pool,
  zoneId: string,
  target: string | null,
  path: readonly string[],
): Promise<AliasWhy['lastChange']> {
  const { rows } = await pool.query(
    `select created_at, from_serial, to_serial, reason from zone_changes
     where zone_id = $1::bigint and (reason -> 'causes' @> $2::jsonb
       or exists (select from unnest($3::text[]) as p (name) where reason -> 'causes' @> jsonb_build_array(jsonb_build_object('follows', p.name)))) order by created_at desc limit 1`,
    [zoneId, JSON.stringify([{ by: 'alias', target }]), path],
  );
  const [row] = rows;
  return row
    ? {
        at: row.created_at,
        from: Number(row.from_serial),
        serial: Number(row.to_serial),
        reason: readReason(row.reason),
      }
    : null;
}
