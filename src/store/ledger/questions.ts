import { absoluteName } from '../../dns/name.ts';
import type { Endpoint } from '../../endpoint.ts';
import type { Pool } from '../pool.ts';
import { endpoints } from './ledger.ts';

const TAKEN_FOR = '2 seconds'; // another process may ask after this

/**
 * Asks for the serials that secondaries have of published zones, where one of them was not seen since `since`. Gives the zones whose answer
 * has to be waited for, and those that are published at all: others have no serial that anybody could hold of ours. With the timeline that
 * this was said on; undefined where it is not known.
 */
export async function askForSerials(
  pool: Pool,
  zoneIds: readonly string[],
  since: Date,
): Promise<{ asked: string[]; published: string[]; timeline: string | undefined }> {
  const { rows } = await pool.query<{ id: string; asked: boolean; timeline: string | null }>({
    name: 'ask for serials',
    // a question that a crash of PostgreSQL takes is waited for no longer, so its commit need not wait for the disk
    text: `with hasty as materialized (select set_config('synchronous_commit', 'off', true)
     ), published as (
       select z.id, exists (
         select from secondaries s left join convergence c on c.zone_id = z.id and c.secondary_id = s.id and c.seen_at >= $2 and c.shown_serial is not null
         where zoneferry_is_verified(s, z) and zoneferry_may_have(s, z) and c.zone_id is null) as unseen
       from hasty, zones z where z.id = any ($1::bigint[]) and z.published_serial is not null
     ), asked as (
       insert into serial_questions (zone_id) select id from published where unseen order by id
       on conflict (zone_id) do update set asked_at = excluded.asked_at returning zone_id
     ), hint as (select pg_notify('zoneferry_questions', '') from asked limit 1)
     select p.id, p.unseen as asked, (select zoneferry_timeline()) as timeline from published p left join hint on true`,
    values: [zoneIds, since],
  });
  return {
    asked: rows.filter((row) => row.asked).map((row) => row.id),
    published: rows.map((row) => row.id),
    timeline: rows[0]?.timeline ?? undefined,
  };
}

/** The same for the next published zones by id behind `after`, at most `limit`; `last` is undefined behind the last one. */
export async function askOfNextZones(
  pool: Pool,
  after: string,
  limit: number,
  since: Date,
): Promise<{ asked: string[]; last: string | undefined; count: number }> {
  const { rows } = await pool.query<{ id: string }>(
    'select id from zones where id > $1::bigint and published_serial is not null and not catalog order by id limit $2',
    [after, limit],
  );
  const zoneIds = rows.map((row) => row.id);
  if (zoneIds.length === 0) return { asked: [], last: undefined, count: 0 };
  const { asked } = await askForSerials(pool, zoneIds, since);
  return { asked, last: zoneIds.at(-1), count: zoneIds.length };
}

/** Whether some of these are still not answered, and whether anybody is there to ask. */
export async function waitingForSerials(
  pool: Pool,
  zoneIds: readonly string[],
): Promise<{ waiting: boolean; isAsker: boolean }> {
  const { rows } = await pool.query<{ waiting: boolean; asker: boolean }>({
    name: 'waiting for serials',
    text: `select exists (select from serial_questions where zone_id = any ($1::bigint[])) as waiting,
       exists (select from service_processes where 'transfer' = any (roles) and seen_at > now() - interval '15 seconds') as asker`,
    values: [zoneIds],
  });
  return { waiting: rows[0]?.waiting === true, isAsker: rows[0]?.asker === true };
}

/** The questions are answered, or waited for no longer. Who waits is woken. */
export async function endSerialQuestions(pool: Pool, zoneIds: readonly string[]): Promise<void> {
  await pool.query({
    name: 'end serial questions',
    text: `with q as (select zone_id from serial_questions where zone_id = any ($1::bigint[]) order by zone_id for update),
     ended as (delete from serial_questions d using q where d.zone_id = q.zone_id returning d.zone_id)
     select pg_notify('zoneferry_answers', '') from (select from ended limit 1) as any_of_them`,
    values: [zoneIds],
  });
}

/** A zone whose secondaries are to be asked. */
export interface SerialQuestion {
  zoneId: string;
  zone: string;
  zoneWire: Buffer;
  /** What we publish. */
  serial: number;
  secondaries: { secondaryId: string; checkAt: Endpoint[] }[];
}

/** Takes questions, at most `limit`; several processes never take the same one at once. */
export async function takeSerialQuestions(pool: Pool, limit: number): Promise<SerialQuestion[]> {
  const { rows } = await pool.query({
    name: 'take serial questions',
    text: `with q as (
       select zone_id from serial_questions where taken_at is null or taken_at < now() - interval '${TAKEN_FOR}'
       order by asked_at limit $1 for update skip locked
     ), taken as (
       update serial_questions t set taken_at = now() from q where t.zone_id = q.zone_id returning t.zone_id
     )
     select t.zone_id, z.name, z.published_serial, s.id as secondary_id, coalesce(s.check_addresses, s.addresses) as check_at
     from taken t left join zones z on z.id = t.zone_id left join secondaries s on zoneferry_is_verified(s, z) and zoneferry_may_have(s, z)`,
    values: [limit],
  });
  const questions = new Map<string, SerialQuestion>();
  for (const row of rows) {
    const question: SerialQuestion = questions.get(row.zone_id) ?? {
      zoneId: row.zone_id,
      zone: row.name ?? '',
      zoneWire: absoluteName(row.name ?? '.'),
      serial: Number(row.published_serial),
      secondaries: [],
    };
    questions.set(row.zone_id, question);
    if (row.secondary_id !== null)
      question.secondaries.push({ secondaryId: row.secondary_id, checkAt: endpoints(row.check_at) });
  }
  return [...questions.values()];
}
