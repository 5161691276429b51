import { absoluteName } from '../dns/name.ts';
import type { TsigKey } from '../dns/tsig.ts';
import { type Endpoint, parseEndpoint } from '../endpoint.ts';
import { ownCopies } from '../zone/own-copies.ts';
import type { Hints } from './hints.ts';
import { LEASE_MS } from './lease/lease.ts';
import { isNotAmong, type LeaseVersion, LeaseWatch, readLeases } from './lease/watch.ts';
import { endpoints } from './ledger/ledger.ts';
import { ENTER_TOLD } from './ledger/row.ts';
import type { Pool } from './pool.ts';
import { areNews, spreadNews } from './publication/news.ts';
import { tsigKey } from './registry.ts';
import { Secrets } from './secrets.ts';

/** A NOTIFY to send: the newest serial of one zone to one address of a secondary. */
export interface DueNotification {
  zoneId: string;
  zone: string;
  zoneWire: Buffer;
  serial: number;
  soa: Buffer;
  soaTtl: number;
  secondaryId: string;
  secondary: string;
  address: Endpoint;
  /** As it is written in the registration: the key of the outbox row. */
  addressText: string;
  key?: TsigKey;
  /** The name of a key whose secret SECRET_KEY doesn't open: without a signature nothing is sent. */
  lockedKey?: string;
  attempts: number;
  committedAt: Date;
  /** By what the change is followed, 32 hex digits. */
  change?: string;
  /** Where it is asked whether it serves the serial; empty: it isn't. */
  checkAt: readonly Endpoint[];
  /** NOTIFYs a second to this secondary, and zones on their way to it at once, where it has limits of its own. */
  rate?: number;
  maxTransfers?: number;
}

export interface NotificationResult {
  zoneId: string;
  secondaryId: string;
  addressText: string;
  serial: number;
  /** The rcode of a matching reply. */
  rcode?: number;
  /** In words, where no reply came. */
  error?: string;
  /** When to try again; without it the row is done until the next serial. */
  nextAt?: Date;
}

/** One address of one secondary. */
type Peer = Pick<DueNotification, 'secondaryId' | 'addressText'>;

const SENDING = '15 seconds'; // a claimed row comes again by itself after this, should the process die

/** The outbox of NOTIFY in PostgreSQL. */
export class Outbox {
  readonly #pool: Pool;
  readonly #secrets: Secrets;
  readonly #leases = new LeaseWatch();
  readonly #hints: Hints | undefined;

  constructor(pool: Pool, hints?: Hints, secrets = new Secrets()) {
    this.#pool = pool;
    this.#secrets = secrets;
    this.#hints = hints;
  }

  /**
   * Takes due rows for sending, at most `limit`; several processes never take the same one. What a transfer process has not confirmed
   * waits as long as that one's lease runs. The rows of peers in `except`, which can't take more now, are left alone.
   */
  async claim(limit: number, except: readonly Peer[] = []): Promise<DueNotification[]> {
    // Side by side, as a lease is hardly ever over: a NOTIFY waits for the slower of both, not for both.
    const known = this.#leases.unrenewedFor(LEASE_MS);
    const [looked, claimed] = await Promise.allSettled([
      this.#lookAtLeases(),
      this.#claim(limit, except, known),
    ]);
    if (claimed.status === 'rejected') throw claimed.reason;
    if (looked.status === 'rejected' && claimed.value.length === 0) throw looked.reason;
    const over = this.#leases.unrenewedFor(LEASE_MS);
    if (claimed.value.length > 0) return claimed.value;
    // Whoever published fills the outbox at once, unless it ended in between. It may have done so just now, behind this claim's back: nobody would tell of it.
    if (await areNews(this.#pool)) await spreadNews(this.#pool);
    return this.#claim(limit, except, over);
  }

  async #claim(
    limit: number,
    except: readonly Peer[],
    over: readonly LeaseVersion[],
  ): Promise<DueNotification[]> {
    const { rows } = await this.#pool.query({
      name: 'claim notifications',
      text: `with leases as materialized (
          select confirmed from transfer_leases where ${isNotAmong('$4', '$5')}
        ), news as materialized (
          select zone_id from zone_news
        ), due as (
          select zone_id, secondary_id, address from notifications
          where next_at <= now() and acked_serial is distinct from serial
            and not exists (select from leases where confirmed is null or not pg_visible_in_snapshot(xid, confirmed))
            -- with news of it, the zone's SOA, which is what is told, is newer than the row: that waits until it is the row's too
            and zone_id not in (select zone_id from news)
            and (secondary_id, address) not in (select * from unnest($2::bigint[], $3::text[]))
          order by next_at limit $1 for update skip locked
        ), claimed as (
          update notifications n set next_at = now() + interval '${SENDING}', attempts = n.attempts + 1, sent_serial = n.serial, sent_at = clock_timestamp()
          from due where n.zone_id = due.zone_id and n.secondary_id = due.secondary_id and n.address = due.address
          returning n.*
        )
        select c.zone_id, z.name as zone, z.published_serial, z.published_soa, z.published_soa_ttl, c.secondary_id, s.name as secondary,
          c.address, c.attempts, c.serial, c.committed_at, case when z.published_serial = c.serial then encode(uuid_send(z.published_change), 'hex') end as change, s.notify_rate, s.max_transfers,
          case when zoneferry_is_verified(s, z) then coalesce(s.check_addresses, s.addresses) else '{}' end as check_at, k.name as key_name, k.algorithm, k.secret, k.min_mac_bits
        from claimed c
        join zones z on z.id = c.zone_id
        join secondaries s on s.id = c.secondary_id
        left join tsig_keys k on k.name = s.keys[1]`,
      values: [
        limit,
        except.map((peer) => peer.secondaryId),
        except.map((peer) => peer.addressText),
        over.map(({ id }) => id),
        over.map(({ version }) => version),
      ],
    });
    return rows.flatMap((row) => {
      const address = parseEndpoint(row.address, 53);
      if (!address || row.published_soa === null) return [];
      // many wait for their turn
      const [zoneWire, soa] = ownCopies(absoluteName(row.zone), row.published_soa as Buffer);
      const key = row.key_name === null ? undefined : tsigKey({ ...row, name: row.key_name }, this.#secrets);
      return [
        {
          zoneId: row.zone_id,
          zone: row.zone,
          zoneWire,
          serial: Number(row.serial),
          soa,
          soaTtl: row.published_soa_ttl,
          secondaryId: row.secondary_id,
          secondary: row.secondary,
          address,
          addressText: row.address,
          attempts: row.attempts,
          committedAt: row.committed_at,
          ...(row.change === null ? {} : { change: row.change }),
          checkAt: endpoints(row.check_at),
          ...(row.notify_rate === null ? {} : { rate: row.notify_rate }),
          ...(row.max_transfers === null ? {} : { maxTransfers: row.max_transfers }),
          ...(key === undefined ? {} : { key }),
          ...(key === undefined && row.key_name !== null ? { lockedKey: row.key_name } : {}),
        },
      ];
    });
  }

  /**
   * Writes what came of them: with an rcode, answered; with an error, not; with neither, not sent at all and put back. A reply to an
   * older serial doesn't settle a newer one.
   */
  async settle(results: readonly NotificationResult[]): Promise<void> {
    if (results.length === 0) return;
    await this.#pool.query({
      name: 'settle notifications',
      // locked in the order in which publications lock them, so that neither waits for the other in turn
      text: `with r as (
          select r.* from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::integer[], $6::text[], $7::timestamptz[])
            as r (zone_id, secondary_id, address, serial, rcode, error, next_at)
          join notifications n on n.zone_id = r.zone_id and n.secondary_id = r.secondary_id and n.address = r.address
          order by n.zone_id, n.secondary_id, n.address for no key update of n
        ), told as (
        update notifications n set
          acked_serial = case when r.rcode is not null and r.next_at is null then r.serial else n.acked_serial end,
          acked_at = case when r.rcode is not null then clock_timestamp() else n.acked_at end,
          rcode = case when r.rcode is null and r.error is null then n.rcode else r.rcode end,
          error = case when r.rcode is null and r.error is null then n.error else r.error end,
          sent_serial = case when r.rcode is null and r.error is null and n.sent_serial = r.serial then null else n.sent_serial end,
          next_at = case when n.serial = r.serial then coalesce(r.next_at, n.next_at) else n.next_at end
        from r where n.zone_id = r.zone_id and n.secondary_id = r.secondary_id and n.address = r.address
        returning n.zone_id, n.secondary_id, n.serial, n.committed_at, n.sent_at, r.serial as told_serial, r.rcode, r.error
        )${ENTER_TOLD}`,
      values: [
        results.map((result) => result.zoneId),
        results.map((result) => result.secondaryId),
        results.map((result) => result.addressText),
        results.map((result) => result.serial),
        results.map((result) => result.rcode ?? null),
        results.map((result) => result.error ?? null),
        results.map((result) => result.nextAt ?? null),
      ],
    });
  }

  /** Brings forward what waits for a peer that answers again; what it refused waits on. */
  async hasten(peer: Peer, by: Date): Promise<void> {
    await this.#pool.query(
      `with waiting as (
         select zone_id, secondary_id, address from notifications
         where secondary_id = $1::bigint and address = $2 and next_at > $3 and rcode is null and acked_serial is distinct from serial
         order by zone_id for no key update
       )
       update notifications n set next_at = $3 from waiting w
       where n.zone_id = w.zone_id and n.secondary_id = w.secondary_id and n.address = w.address`,
      [peer.secondaryId, peer.addressText, by],
    );
  }

  /** When the next row falls due; undefined when nothing waits. */
  async nextDue(): Promise<Date | undefined> {
    const { rows } = await this.#pool.query<{ next: Date | null }>(
      'select min(next_at) as next from notifications where acked_serial is distinct from serial',
    );
    return rows[0]?.next ?? undefined;
  }

  /** For leases that nobody has to be waited for any more. */
  async #lookAtLeases(): Promise<void> {
    const askedAt = performance.now();
    const { rows } = await this.#pool.query<LeaseVersion>(readLeases());
    this.#leases.saw(rows, askedAt);
  }

  onHint(callback: () => void): () => void {
    return this.#hints?.on('outbox', callback) ?? (() => {});
  }

  /**
   * Brings the rows in line with who is registered now: a new secondary hears of every zone that it may have, one that may not have a
   * zone any more is not told of it. A publication under way, which can't see a new secondary and can't be seen here, is missed: to be
   * called again once `isPast` says so of what this gives.
   */
  async reconcile(): Promise<string> {
    await this.#pool.query(
      `insert into notifications (zone_id, secondary_id, address, serial)
       select z.id, s.id, a.address, z.published_serial
       from zones z
       join secondaries s on s.notify and zoneferry_may_have(s, z)
       cross join lateral (select distinct address from unnest(s.addresses) as address) as a
       where z.published_serial is not null
         and not exists (select from notifications n where n.zone_id = z.id and n.secondary_id = s.id and n.address = a.address)
       order by z.id, s.id, a.address
       on conflict do nothing`,
    );
    await this.#pool.query(
      `delete from notifications n where not exists (
         select from zones z, secondaries s where z.id = n.zone_id and s.id = n.secondary_id
           and s.notify and zoneferry_may_have(s, z) and n.address = any (s.addresses))`,
    );
    const { rows } = await this.#pool.query<{ next: string }>(
      'select pg_snapshot_xmax(pg_current_snapshot())::text as next',
    );
    return rows[0]?.next ?? '0';
  }

  /** Whether every transaction before this one has ended. */
  async isPast(transaction: string): Promise<boolean> {
    const { rows } = await this.#pool.query<{ past: boolean }>(
      'select pg_snapshot_xmin(pg_current_snapshot()) >= ($1::text)::xid8 as past',
      [transaction],
    );
    return rows[0]?.past === true;
  }
}
