import { type Endpoint, parseEndpoint } from '../../endpoint.ts';
import type { Hints } from '../hints.ts';
import type { Pool } from '../pool.ts';
import type { Awaited, Look, Taken } from './kinds.ts';
import { onConflict, roundOf, TAKEN } from './row.ts';
import { settling } from './settle.ts';

const LOOKING = '30 seconds'; // a claimed row comes again by itself after this, should the process die

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
          case when z.published_serial = c.serial then encode(uuid_send(z.published_change), 'hex') end as change,
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
        serial: Number(row.serial),
        committedAt: row.committed_at,
        secondaryId: row.secondary_id,
        secondary: row.secondary,
        checkAt: endpoints(row.check_at),
        ...(row.notify_rate === null ? {} : { rate: row.notify_rate }),
        misses: row.misses,
        wasServing: row.serving_at !== null,
        ...(row.change === null ? {} : { change: row.change }),
      }));
  }

  /** Writes what looks came to; of a serial that a newer one has replaced nothing. Each serial that is done goes to the history. */
  async settle(looks: readonly Look[]): Promise<void> {
    for (const statement of settling(looks)) await this.#pool.query(statement);
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
