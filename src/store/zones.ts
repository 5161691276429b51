import { absoluteName } from '../dns/name.ts';
import type { SerialPolicy } from '../zone/serial-policy.ts';
import type { Client, Pool } from './pool.ts';
import { inTransaction } from './transaction.ts';

/** A zone's row, as people see it. Times in seconds. */
export interface Zone {
  id: string;
  name: string;
  /** What the next SOA carries, or carries already. */
  serial: number;
  /** Null: the service's own policy. */
  serialPolicy: SerialPolicy | null;
  primaryNs: string;
  contact: string;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
  soaTtl: number;
  /** The least time between two serials that answers of ALIAS targets alone spend. */
  aliasFloor: number;
  /** Null: no version was published yet. */
  publishedSerial: number | null;
  publishedAt: Date | null;
  /** By what the published version is followed, as in the log; null where that is not known. */
  change: string | null;
  /** Records of the published version, the SOA left out. */
  records: number;
  /** Why it can't be published; null where it can. */
  problem: string | null;
}

/** What an operator may set. */
export interface ZoneSettings {
  primaryNs?: string;
  contact?: string;
  serial?: number;
  serialPolicy?: SerialPolicy | null;
  refresh?: number;
  retry?: number;
  expire?: number;
  minimum?: number;
  soaTtl?: number;
  aliasFloor?: number;
}

const COLUMNS = `id, name, serial, serial_policy, primary_ns, contact, refresh, retry, expire, minimum, soa_ttl, alias_floor,
  published_serial, published_at, encode(uuid_send(published_change), 'hex') as change, record_count, problem`;

/** Every zone in the order of names, after `after`, at most `limit`. */
export async function listZones(pool: Pool, after = '', limit = 1_000_000): Promise<Zone[]> {
  const { rows } = await pool.query(
    `select ${COLUMNS} from zones where name > $1 order by name limit $2::bigint`,
    [after, limit],
  );
  return rows.map(toZone);
}

/** The zone of this name, in canonical text; undefined where there is none. */
export async function findZone(pool: Pool, name: string): Promise<Zone | undefined> {
  const { rows } = await pool.query(`select ${COLUMNS} from zones where name = $1`, [name]);
  return rows[0] && toZone(rows[0]);
}

/** The zones of these names that there are, in the order of names. */
export async function findZones(pool: Pool, names: readonly string[]): Promise<Zone[]> {
  const { rows } = await pool.query(
    `select ${COLUMNS} from zones where name = any ($1::text[]) order by name`,
    [names],
  );
  return rows.map(toZone);
}

/** Makes a zone and the NS record of its primary, together. What is not given has the defaults of the table. */
export function addZone(
  pool: Pool | Client,
  name: string,
  settings: ZoneSettings & { primaryNs: string; contact: string },
): Promise<Zone> {
  const given = columnsOf(settings);
  const parameters = given.names.map((_, index) => `$${index + 2}`);
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query(
      `insert into zones (name, ${given.names.join(', ')}) values ($1, ${parameters.join(', ')}) returning ${COLUMNS}`,
      [name, ...given.values],
    );
    const zone = toZone(rows[0]);
    await client.query(
      `insert into records (zone_id, name, type, content) select id, name, 'NS', primary_ns from zones where id = $1`,
      [zone.id],
    );
    return zone;
  });
}

/** Changes a zone's settings; undefined where there is no such zone. */
export async function setZone(
  pool: Pick<Client, 'query'>,
  name: string,
  settings: ZoneSettings,
): Promise<Zone | undefined> {
  const given = columnsOf(settings);
  const { rows } = await pool.query(
    `update zones set ${given.names.map((column, index) => `${column} = $${index + 2}`).join(', ')} where name = $1 returning ${COLUMNS}`,
    [name, ...given.values],
  );
  return rows[0] && toZone(rows[0]);
}

/** Deletes a zone with its records and journal; undefined where there was none. */
export async function deleteZone(pool: Pick<Client, 'query'>, name: string): Promise<Zone | undefined> {
  const { rows } = await pool.query(`delete from zones where name = $1 returning ${COLUMNS}`, [name]);
  return rows[0] && toZone(rows[0]);
}

const COLUMN_OF = {
  primaryNs: 'primary_ns',
  contact: 'contact',
  serial: 'serial',
  serialPolicy: 'serial_policy',
  refresh: 'refresh',
  retry: 'retry',
  expire: 'expire',
  minimum: 'minimum',
  soaTtl: 'soa_ttl',
  aliasFloor: 'alias_floor',
} as const satisfies Record<keyof ZoneSettings, string>;

function columnsOf(settings: ZoneSettings): { names: string[]; values: unknown[] } {
  const names: string[] = [];
  const values: unknown[] = [];
  for (const [key, column] of Object.entries(COLUMN_OF)) {
    const value = settings[key as keyof ZoneSettings];
    if (value === undefined) continue;
    names.push(column);
    values.push(value);
  }
  return { names, values };
}

// biome-ignore lint/suspicious/noExplicitAny: a row as the driver gives it
function toZone(row: any): Zone {
  return {
    id: row.id,
    name: row.name,
    serial: Number(row.serial),
    serialPolicy: row.serial_policy,
    primaryNs: row.primary_ns,
    contact: row.contact,
    refresh: row.refresh,
    retry: row.retry,
    expire: row.expire,
    minimum: row.minimum,
    soaTtl: row.soa_ttl,
    aliasFloor: row.alias_floor,
    publishedSerial: row.published_serial === null ? null : Number(row.published_serial),
    publishedAt: row.published_at,
    change: row.change,
    records: row.record_count,
    problem: row.problem,
  };
}

/** What a NOTIFY of a zone says. */
export interface PublishedZone {
  zone: string;
  /** Its name on the wire. */
  zoneWire: Buffer;
  serial: number;
  /** Rdata of its SOA. */
  soa: Buffer;
  /** Seconds. */
  soaTtl: number;
}

/** The published SOA of a zone, by its canonical name; undefined before its first version. */
export async function readPublished(pool: Pool, zone: string): Promise<PublishedZone | undefined> {
  const { rows } = await pool.query(
    'select published_serial, published_soa, published_soa_ttl from zones where name = $1 and published_soa is not null',
    [zone],
  );
  const [row] = rows;
  return (
    row && {
      zone,
      zoneWire: absoluteName(zone),
      serial: Number(row.published_serial),
      soa: row.published_soa,
      soaTtl: row.published_soa_ttl,
    }
  );
}
