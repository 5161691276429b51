import { isNewer, nextSerial } from '../dns/serial.ts';
import { aheadBy, FOLLOWED_UNASKED, stepsPast, walkCommand } from '../zone/serial-walk.ts';
import type { Client, Pool } from './pool.ts';
import { inTransaction } from './transaction.ts';

/** A serial that a secondary has shown: to an IXFR over TCP or signed with its key, or to a SOA check that we made. */
export interface ShownSerial {
  /** Canonical text. */
  zone: string;
  secondaryId: string;
  serial: number;
}

/**
 * What came of it. `followed`: we publish past it, `serial` is what we had. It waits for the operator where it is `far`, or where secondaries
 * were followed so often or so far of late that one of them may be lying: `spent`. `not-ahead`: nothing is to be done, or the zone or the
 * secondary is gone.
 */
export type Noted =
  | { kind: 'followed' | 'far' | 'spent'; secondary: string; serial: number }
  | { kind: 'not-ahead' };

/** Times within an hour that secondaries are followed for one zone, unasked. */
const MOST_FOLLOWED = 10;

/** A secondary that is ahead of us, as `status` shows it. */
export interface Ahead {
  zone: string;
  secondary: string;
  /** What it has shown, and what we publish. */
  serial: number;
  ours: number;
  seenAt: Date;
  /** The command that walks there; null where we go past it by ourselves. */
  command: string | null;
}

/** As `aheadBy` has it. */
const STILL_AHEAD =
  '(z.published_serial is not null and z.published_serial <> a.serial and not zoneferry_newer(z.published_serial, a.serial))';

/**
 * Writes down that a secondary has shown this serial. Less than 2^30 ahead of ours, the zone's serial is set past it, which the
 * publisher makes a version of, with its NOTIFY.
 */
export function noteShownSerial(pool: Pool, shown: ShownSerial): Promise<Noted> {
  return inTransaction(pool, async (client) => {
    const zone = await lockZone(client, shown.zone);
    if (zone?.publishedSerial === undefined) return { kind: 'not-ahead' };
    const by = aheadBy(shown.serial, zone.publishedSerial);
    if (by === 0) return { kind: 'not-ahead' };
    const { rows } = await client.query<{ name: string }>(
      `with secondary as (select id, name from secondaries where id = $2::bigint), noted as (
         insert into serials_ahead as old (zone_id, secondary_id, serial) select $1::bigint, id, $3::bigint from secondary
         on conflict (zone_id, secondary_id) do update set seen_at = excluded.seen_at,
           serial = case when zoneferry_newer(old.serial, excluded.serial) then old.serial else excluded.serial end
       ), highest as (
         update convergence set highest_serial = $3::bigint where zone_id = $1::bigint and secondary_id = $2::bigint
           and (highest_serial is null or zoneferry_newer($3::bigint, highest_serial))
       ) select name from secondary`,
      [zone.id, shown.secondaryId, shown.serial],
    );
    const secondary = rows[0]?.name;
    if (secondary === undefined) return { kind: 'not-ahead' };
    if (by >= FOLLOWED_UNASKED) return { kind: 'far', secondary, serial: zone.publishedSerial };
    const { times, distance } = await followedOfLate(client, zone.id);
    if (times >= MOST_FOLLOWED || distance + by >= FOLLOWED_UNASKED)
      return { kind: 'spent', secondary, serial: zone.publishedSerial };
    const past = nextSerial(shown.serial);
    if (isNewer(past, zone.serial)) {
      const actor = `service:${secondary} is ahead at ${shown.serial}`;
      await client.query(`select set_config('zoneferry.actor', $1, true)`, [actor]);
      await setSerial(client, zone.id, past);
    }
    return { kind: 'followed', secondary, serial: zone.publishedSerial };
  });
}

/**
 * How often within an hour secondaries were followed, and how far within the time that a secondary lives on without us (EXPIRE), as far as the
 * journal knows: one that lies again and again would drive the serial around the ring, past those that were away.
 */
async function followedOfLate(client: Client, zoneId: string): Promise<{ times: number; distance: number }> {
  const { rows } = await client.query<{ times: string; distance: string }>(
    `select count(*) filter (where c.created_at > now() - interval '1 hour') as times,
       coalesce(sum((c.to_serial - c.from_serial) & 4294967295), 0) as distance
     from zone_changes c join zones z on z.id = c.zone_id
     where z.id = $1::bigint and c.created_at > now() - make_interval(secs => z.expire)
       and c.reason @? '$.causes[*] ? (@.by == "service" && @.action == "serial" && exists (@.actor))'`,
    [zoneId],
  );
  return { times: Number(rows[0]?.times ?? 0), distance: Number(rows[0]?.distance ?? 0) };
}

/** Forgets what a secondary has shown: it has taken a version of ours meanwhile. */
export async function forgetShownSerial(pool: Pool, zone: string, secondaryId: string): Promise<void> {
  await pool.query(
    'delete from serials_ahead using zones z where z.id = zone_id and z.name = $1 and secondary_id = $2::bigint',
    [zone, secondaryId],
  );
}

/** Who is ahead of us, at most `limit` rows. */
export async function readAhead(
  pool: Pool,
  limit: number,
): Promise<{ total: number; rows: (Ahead & { secondaryId: string })[] }> {
  const { rows } = await pool.query(
    `select count(*) over () as total, z.name as zone, s.id as secondary_id, s.name as secondary, a.serial, z.published_serial, a.seen_at,
       zoneferry_newer(z.serial, a.serial) as is_followed
     from serials_ahead a join zones z on z.id = a.zone_id join secondaries s on s.id = a.secondary_id
     where ${STILL_AHEAD} order by z.name, s.name limit $1::bigint`,
    [limit],
  );
  return {
    total: Number(rows[0]?.total ?? 0),
    rows: rows.map((row) => {
      const [serial, ours] = [Number(row.serial), Number(row.published_serial)];
      return {
        zone: row.zone,
        secondaryId: row.secondary_id,
        secondary: row.secondary,
        serial,
        ours,
        seenAt: row.seen_at,
        command: row.is_followed ? null : walkCommand(row.zone, serial),
      };
    }),
  };
}

/** Forgets what we have gone past, before the ring comes round to it. */
export async function dropPassedSerials(pool: Pool): Promise<void> {
  await pool.query(
    `delete from serials_ahead a using zones z where z.id = a.zone_id and z.published_serial is not null and not ${STILL_AHEAD}`,
  );
}

/**
 * What one step past a serial came to. `past`: there is nothing to do. `set`: the publisher makes a version of it; with `next`, one
 * more step has to follow. `unpublished`: the step before waits for a publisher. `unanswered`: these secondaries have not answered the
 * half-way serial, and would not follow any further.
 */
export type Walk =
  | { kind: 'past' | 'unpublished'; serial: number }
  | { kind: 'set'; from: number; serial: number; next?: number }
  | { kind: 'unanswered'; serial: number; secondaries: string[] };

/** Takes the next step to a serial past `after`; undefined where there is no such zone. `force` passes unanswered secondaries by. */
export function walkPast(
  pool: Pool,
  zoneName: string,
  after: number,
  options: { force?: boolean } = {},
): Promise<Walk | undefined> {
  return inTransaction(pool, async (client) => {
    const zone = await lockZone(client, zoneName);
    if (!zone) return undefined;
    const { id, serial, publishedSerial } = zone;
    if (publishedSerial !== undefined && publishedSerial !== serial) return { kind: 'unpublished', serial };
    const { rowCount: untold } = await client.query('select from zone_news where zone_id = $1::bigint', [id]);
    if (untold) return { kind: 'unpublished', serial };
    const [step, next] = stepsPast(serial, after);
    if (step === undefined) return { kind: 'past', serial };
    const secondaries = options.force ? [] : await unansweredAtHalfWay(client, id);
    if (secondaries.length > 0) return { kind: 'unanswered', serial, secondaries };
    await setSerial(client, id, step);
    return { kind: 'set', from: serial, serial: step, ...(next === undefined ? {} : { next }) };
  });
}

/** Who has not answered the published serial, where the way to it was so long that whoever misses it can't follow the next. */
async function unansweredAtHalfWay(client: Client, zoneId: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select distinct s.name from zones z
     join zone_changes c on c.zone_id = z.id and c.to_serial = z.published_serial
       and ((c.to_serial - c.from_serial) & 4294967295) >= $2::bigint
     join notifications n on n.zone_id = z.id and n.acked_serial is distinct from n.serial
     join secondaries s on s.id = n.secondary_id
     where z.id = $1::bigint order by s.name`,
    [zoneId, FOLLOWED_UNASKED],
  );
  return rows.map((row) => row.name);
}

interface LockedSerials {
  id: string;
  /** What the next SOA carries, or carries already. */
  serial: number;
  publishedSerial: number | undefined;
}

/** Waits for a publication that is under way, but not for a client that sits on the row. */
async function lockZone(client: Client, name: string): Promise<LockedSerials | undefined> {
  await client.query(`set local lock_timeout = '3s'`);
  const { rows } = await client.query(
    'select id, serial, published_serial from zones where name = $1 for no key update',
    [name],
  );
  const [row] = rows;
  return (
    row && {
      id: row.id,
      serial: Number(row.serial),
      publishedSerial: row.published_serial === null ? undefined : Number(row.published_serial),
    }
  );
}

/** Marks come with it, as for a serial set by hand. */
async function setSerial(client: Client, zoneId: string, serial: number): Promise<void> {
  await client.query('update zones set serial = $2::bigint where id = $1::bigint', [zoneId, serial]);
}
