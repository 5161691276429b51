import type { QueryConfig } from 'pg';
import type { Look } from './kinds.ts';
import { dateOf, onConflict, roundOf, TAKEN } from './row.ts';

/** The statements that write what looks came to, to be run in their order. */
export function settling(looks: readonly Look[]): QueryConfig[] {
  const asked = looks.filter((look) => !look.unasked);
  const unasked = looks.filter((look) => look.unasked);
  return [...waves(asked).map(seen), ...(unasked.length > 0 ? [putBack(unasked)] : [])];
}

function seen(looks: readonly Look[]): QueryConfig {
  return {
    name: 'settle convergence',
    text: `with l as materialized (
        select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::bigint[], $7::integer[],
          $8::text[], $9::boolean[], $10::boolean[], $11::text[], $12::timestamptz[], $13::boolean[],
          $14::timestamptz[], $15::timestamptz[], $16::text[], $17::bigint[], $18::integer[])
        as l (zone_id, secondary_id, serial, committed_at, at, shown, rcode, error, serving, compared, differs, next_at, again,
          asked_at, served_at, served_kind, served_bytes, served_ms)
      ), before as (
        select c.zone_id, c.secondary_id from convergence c join l using (zone_id, secondary_id)
        where c.serial = l.serial and c.serving_at is not null and c.next_check_at is null
      ), seen as (
        insert into convergence as c (zone_id, secondary_id, serial, committed_at, seen_at, shown_serial, highest_serial, seen_rcode, seen_error,
          serving_at, checked_at, differs, misses, next_check_at, asked_at, served_at, served_kind, served_bytes, served_ms)
        select zone_id, secondary_id, serial, committed_at, at, shown, shown, rcode, error, case when serving then at end,
          case when compared then at end, differs, case when next_at is null then 0 else 1 end, next_at,
          asked_at, served_at, served_kind, served_bytes, served_ms
        from l where exists (select from zones z where z.id = l.zone_id) order by zone_id, secondary_id
        ${onConflict(
          {
            seen_at: 'excluded.seen_at',
            seen_rcode: 'excluded.seen_rcode',
            seen_error: 'excluded.seen_error',
            serving_at: 'coalesce(c.serving_at, excluded.serving_at)',
            checked_at: 'coalesce(c.checked_at, excluded.checked_at)',
            differs: 'excluded.differs',
            misses: 'c.misses + excluded.misses',
            next_check_at: 'excluded.next_check_at',
            ...TAKEN,
          },
          [
            'shown_serial = coalesce(excluded.shown_serial, c.shown_serial)',
            'highest_serial = case when c.highest_serial is null or zoneferry_newer(excluded.highest_serial, c.highest_serial) then excluded.highest_serial else c.highest_serial end',
          ],
        )}
        returning c.*
      ), again as (
        select n.zone_id, n.secondary_id, n.address from notifications n join l on l.zone_id = n.zone_id and l.secondary_id = n.secondary_id
        where l.again and n.acked_serial = n.serial order by n.zone_id, n.secondary_id, n.address for no key update of n skip locked
      ), told as (
        update notifications n set acked_serial = null, attempts = 0, next_at = now() from again a
        where n.zone_id = a.zone_id and n.secondary_id = a.secondary_id and n.address = a.address
      ), hint as (
        select pg_notify('zoneferry_outbox', '') from again limit 1
      ), done as (
        insert into convergence_history
        select s.zone_id, s.secondary_id, s.serial, s.committed_at, s.notified_at, s.acked_at, s.asked_at, s.served_at, s.served_kind,
          s.served_bytes, s.served_ms, s.serving_at, s.checked_at
        from seen s where s.next_check_at is null and s.serving_at is not null and s.differs is null
          and not exists (select from before b where b.zone_id = s.zone_id and b.secondary_id = s.secondary_id)
      )
      select count(*) from hint`,
    values: [
      looks.map((look) => look.zoneId),
      looks.map((look) => look.secondaryId),
      looks.map((look) => look.serial),
      looks.map((look) => look.committedAt),
      looks.map((look) => look.at),
      looks.map((look) => look.shown ?? null),
      looks.map((look) => look.rcode ?? null),
      looks.map((look) => look.error ?? null),
      looks.map((look) => look.serving),
      looks.map((look) => look.compared),
      looks.map((look) => look.differs ?? null),
      looks.map((look) => look.nextAt ?? null),
      looks.map((look) => look.tellAgain === true),
      looks.map((look) => dateOf(look.taken?.askedAt)),
      looks.map((look) => dateOf(look.taken?.served?.at)),
      looks.map((look) => look.taken?.served?.kind ?? null),
      looks.map((look) => look.taken?.served?.bytes ?? null),
      looks.map((look) => roundOf(look.taken?.served?.ms)),
    ],
  };
}

function putBack(unasked: readonly Look[]): QueryConfig {
  return {
    name: 'put back convergence',
    text: `with l as (
      select l.* from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[]) as l (zone_id, secondary_id, serial, next_at)
      join convergence c on c.zone_id = l.zone_id and c.secondary_id = l.secondary_id
      order by c.zone_id, c.secondary_id for no key update of c
    )
    update convergence c set next_check_at = l.next_at from l
    where c.zone_id = l.zone_id and c.secondary_id = l.secondary_id and c.serial = l.serial and c.next_check_at is not null`,
    values: [
      unasked.map((look) => look.zoneId),
      unasked.map((look) => look.secondaryId),
      unasked.map((look) => look.serial),
      unasked.map((look) => look.nextAt ?? null),
    ],
  };
}

/** One statement can't write a row twice: the second look at the same goes into the next. */
function waves(looks: readonly Look[]): Look[][] {
  const seen = new Map<string, number>();
  const all: Look[][] = [];
  for (const look of looks) {
    const key = `${look.zoneId}/${look.secondaryId}`;
    const wave = seen.get(key) ?? 0;
    seen.set(key, wave + 1);
    const looksOfWave = all[wave] ?? [];
    all[wave] = looksOfWave;
    looksOfWave.push(look);
  }
  return all;
}
