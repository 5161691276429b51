import { absoluteName } from '../../dns/name.ts';
import { type Endpoint, parseEndpoint } from '../../endpoint.ts';
import type { Hints } from '../hints.ts';
import type { Pool } from '../pool.ts';
import { onConflict } from './row.ts';

/** A zone that has to be seen at a secondary. */
export interface Awaited {
  zoneId: string;
  zone: string;
  zoneWire: Buffer;
  serial: number;
  committedAt: Date;
  secondaryId: string;
  secondary: string;
  /** Where it answers queries. */
  checkAt: readonly Endpoint[];
  /** Questions a second to it, at most; undefined: as many as by default. */
  rate?: number;
  /** How often it was looked for in vain. */
  misses: number;
  /** Whether the serial was seen there before, and there is more to be looked at. */
  wasServing: boolean;
}

/** What a look at a secondary came to. */
export interface Look {
  zoneId: string;
  secondaryId: string;
  serial: number;
  committedAt: Date;
  at: Date;
  /** The oldest serial at any of its addresses. */
  shown?: number;
  rcode?: number;
  /** In words, where no serial came. */
  error?: string;
  /** Whether it serves `serial` or a newer one everywhere. */
  serving: boolean;
  /** Whether the changed RRsets were compared, and one that is not as published. */
  compared: boolean;
  differs?: string;
  /** When to look again; without it the serial is done. */
  nextAt?: Date;
  /** Put back without a look: nothing is written but `nextAt`. */
  unasked?: boolean;
  /** NOTIFY is sent again. */
  tellAgain?: boolean;
  /** What it has asked of us, where this process has seen it. */
  taken?: Taken;
}

/** What a secondary has asked of us. */
export interface Taken {
  zoneId: string;
  secondaryId: string;
  serial: number;
  /** When it asked; ms since the epoch. */
  askedAt: number;
  /** A transfer that went out whole. */
  served?: { kind: string; bytes: number; ms: number; at: number };
}

const LOOKING = '30 seconds'; // a claimed row comes again by itself after this, should the process die

/** How what it took is added to a row of the same serial. */
const TAKEN = {
  asked_at: 'coalesce(c.asked_at, excluded.asked_at)',
  served_at: 'coalesce(excluded.served_at, c.served_at)',
  served_kind: 'coalesce(excluded.served_kind, c.served_kind)',
  served_bytes: 'coalesce(excluded.served_bytes, c.served_bytes)',
  served_ms: 'coalesce(excluded.served_ms, c.served_ms)',
};

/** The ledger of convergence in PostgreSQL, as the verifier and the transfer server write it. */
export class Ledger {
  readonly #pool: Pool;
  readonly #hints: Hints | undefined;

  constructor(pool: Pool, hints?: Hints) {
    this.#pool = pool;
    this.#hints = hints;
  }

  /** Takes rows that are due, at most `limit`; several processes never take the same one. Those of `except` are left alone. */
  async claim(limit: number, except: readonly string[] = []): Promise<Awaited[]> {
    const { rows } = await this.#pool.query({
      name: 'claim convergence',
      text: `with due as (
          select zone_id, secondary_id from convergence
          where next_check_at <= now() and secondary_id <> all ($2::bigint[])
          order by next_check_at limit $1 for no key update skip locked
        ), claimed as (
          update convergence c set next_check_at = now() + interval '${LOOKING}'
          from due where c.zone_id = due.zone_id and c.secondary_id = due.secondary_id returning c.*
        )
        select c.zone_id, z.name as zone, c.serial, c.committed_at, c.secondary_id, s.name as secondary,
          coalesce(s.check_addresses, s.addresses) as check_at, s.notify_rate, c.misses, c.serving_at,
          zoneferry_is_verified(s, z) and zoneferry_may_have(s, z) as is_verified
        from claimed c left join zones z on z.id = c.zone_id left join secondaries s on s.id = c.secondary_id`,
      values: [limit, except],
    });
    await this.#forget(rows.filter((row) => !row.is_verified));
    return rows
      .filter((row) => row.is_verified)
      .map((row) => ({
        zoneId: row.zone_id,
        zone: row.zone,
        zoneWire: absoluteName(row.zone),
        serial: Number(row.serial),
        committedAt: row.committed_at,
        secondaryId: row.secondary_id,
        secondary: row.secondary,
        checkAt: endpoints(row.check_at),
        ...(row.notify_rate === null ? {} : { rate: row.notify_rate }),
        misses: row.misses,
        wasServing: row.serving_at !== null,
      }));
  }

  /** Writes what looks came to; of a serial that a newer one has replaced nothing. Each serial that is done goes to the history. */
  async settle(looks: readonly Look[]): Promise<void> {
    for (const asked of waves(looks.filter((look) => !look.unasked))) await this.#write(asked);
    const unasked = looks.filter((look) => look.unasked);
    if (unasked.length > 0)
      await this.#pool.query({
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
      });
  }

  async #write(looks: readonly Look[]): Promise<void> {
    await this.#pool.query({
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
    });
  }

  /**
   * Writes what secondaries have asked and got, one row each at most, and makes those due that are still looked for. A secondary whose serial is
   * seen already is left alone: polls of what is converged write nothing.
   */
  async taken(rows: readonly Taken[]): Promise<void> {
    if (rows.length === 0) return;
    const { rows: due } = await this.#pool.query({
      name: 'taken convergence',
      text: `insert into convergence as c (zone_id, secondary_id, serial, committed_at, asked_at, served_at, served_kind, served_bytes, served_ms, next_check_at)
        select t.zone_id, t.secondary_id, t.serial, z.published_at, to_timestamp(t.asked / 1000), to_timestamp(t.served / 1000), t.kind, t.bytes, t.ms, now()
        from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::float8[], $5::float8[], $6::text[], $7::bigint[], $8::integer[])
          as t (zone_id, secondary_id, serial, asked, served, kind, bytes, ms)
        join zones z on z.id = t.zone_id and z.published_serial = t.serial
        join secondaries s on s.id = t.secondary_id and zoneferry_is_verified(s, z)
        where not exists (select from convergence o where o.zone_id = t.zone_id and o.secondary_id = t.secondary_id
          and o.serial = t.serial and o.next_check_at is null and (t.served is null or o.served_at is not null))
        order by t.zone_id, t.secondary_id
        ${onConflict({
          ...TAKEN,
          next_check_at:
            'case when excluded.served_at is null or c.next_check_at is null then c.next_check_at else least(c.next_check_at, excluded.next_check_at) end',
        })}
        returning c.served_at is not null as served`,
      values: [
        rows.map((row) => row.zoneId),
        rows.map((row) => row.secondaryId),
        rows.map((row) => row.serial),
        rows.map((row) => row.askedAt),
        rows.map((row) => row.served?.at ?? null),
        rows.map((row) => row.served?.kind ?? null),
        rows.map((row) => row.served?.bytes ?? null),
        rows.map((row) => roundOf(row.served?.ms)),
      ],
    });
    if (due.some((row) => row.served))
      await this.#pool.query(`select pg_notify('zoneferry_convergence', '')`);
  }

  /** Brings forward what waits long for a secondary that works again, spread over half a minute. */
  async hasten(secondaryId: string): Promise<void> {
    await this.#pool.query(
      `with waiting as (
         select zone_id, secondary_id from convergence where secondary_id = $1::bigint and next_check_at > now() + interval '30 seconds'
         order by zone_id limit 10000 for no key update skip locked
       )
       update convergence c set next_check_at = now() + random() * interval '30 seconds' from waiting w
       where c.zone_id = w.zone_id and c.secondary_id = w.secondary_id`,
      [secondaryId],
    );
  }

  onHint(callback: () => void): () => void {
    return this.#hints?.on('convergence', callback) ?? (() => {});
  }

  /** Who is not asked any more, or may not have the zone. */
  async #forget(rows: readonly { zone_id: string; secondary_id: string }[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#pool.query(
      `delete from convergence c using unnest($1::bigint[], $2::bigint[]) as f (zone_id, secondary_id)
       where c.zone_id = f.zone_id and c.secondary_id = f.secondary_id`,
      [rows.map((row) => row.zone_id), rows.map((row) => row.secondary_id)],
    );
  }
}

/** Addresses as they are written in a registration. */
export function endpoints(texts: readonly string[]): Endpoint[] {
  return texts.flatMap((text) => parseEndpoint(text, 53) ?? []);
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

function dateOf(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}

function roundOf(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms);
}
