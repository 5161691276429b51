import type pg from 'pg';
import type { Upstream } from '../../test/support/upstream.ts';

/** Records of each zone that are edited, beside those that stay. */
const EDITED = 4;
/** Zones that follow one target. */
const FOLLOWERS = 10;
const TTL = 20; // s, of the targets' answers

export interface Laid {
  /** Names, in the order in which secondaries take their shares. */
  zones: readonly string[];
  /** The ids of the records that the load edits. */
  edited: readonly string[];
  /** For each zone the id of the record that probes change: `probe` in it. */
  probes: readonly string[];
  targets: readonly string[];
}

export function targetName(target: number): string {
  return `t${target}.targets.soak.`;
}

/** Writes the zones: NS, four addresses that are edited, one for probes, and an ALIAS to a target of ten zones. */
export async function layZones(pool: pg.Pool, upstream: Upstream, count: number): Promise<Laid> {
  const zones = Array.from({ length: count }, (_, index) => `z${index}.soak.example.`);
  const targets = Array.from({ length: Math.ceil(count / FOLLOWERS) }, (_, index) => targetName(index));
  for (const [index, target] of targets.entries()) moveTarget(upstream, target, index);
  await pool.query(
    `with z as (
       insert into zones (name, primary_ns, contact) select name, 'ns.soak.example.', 'h@soak.example' from unnest($1::text[]) as name returning id, name
     )
     insert into records (zone_id, name, type, content, ttl)
     select id, name, 'NS', 'ns.soak.example.', 3600 from z
     union all select id, 'h' || host || '.' || name, 'A', '192.0.2.' || host, 300 from z, generate_series(1, ${EDITED}) as host
     union all select id, 'probe.' || name, 'A', '192.0.2.9', 300 from z`,
    [zones],
  );
  await pool.query(
    `insert into records (zone_id, name, type, content, ttl)
     select z.id, 'app.' || z.name, 'ALIAS', target, 300 from unnest($1::text[], $2::text[]) as u (name, target) join zones z on z.name = u.name`,
    [zones, zones.map((_, index) => targets[Math.floor(index / FOLLOWERS)])],
  );
  const { rows } = await pool.query<{ id: string; zone: string; probe: boolean }>(
    `select r.id, z.name as zone, r.name like 'probe.%' as probe from records r join zones z on z.id = r.zone_id where r.type = 'A'`,
  );
  const place = new Map(zones.map((zone, index) => [zone, index]));
  const probes: string[] = [];
  for (const { id, zone, probe } of rows) if (probe) probes[place.get(zone) ?? 0] = id;
  return { zones, targets, probes, edited: rows.filter(({ probe }) => !probe).map(({ id }) => id) };
}

/** Gives a target the addresses of its n-th move. */
export function moveTarget(upstream: Upstream, target: string, move: number): void {
  const [high, low] = [(move >> 8) % 256, move % 256];
  upstream.set(target, {
    A: [`198.18.${high}.${low}`],
    AAAA: [`2001:db8:${(move % 65_536).toString(16)}::1`],
    ttl: TTL,
  });
}
