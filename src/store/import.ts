import { compareSerial, isNewer } from '../dns/serial.ts';
import { type SerialPolicy, serialAfter } from '../zone/serial-policy.ts';
import type { SoaColumns } from '../zone/soa.ts';
import { firstConflict, type ImportConflict } from './import/conflicts.ts';
import { findDifferences, STAGED_OPTIONS, writeDifferences, writeOptions } from './import/differences.ts';
import { type ImportRow, stage } from './import/stage.ts';
import type { Client, Pool } from './pool.ts';

export type { ImportConflict } from './import/conflicts.ts';
export type { ImportRow } from './import/stage.ts';

/** The SOA of a file: the columns of `zones`. */
export interface ImportSoa extends SoaColumns {
  serial: number;
  soaTtl: number;
}

export interface ImportOptions {
  /** Canonical text. */
  zone: string;
  /** Undefined: the file has none; the zone's own stays. */
  soa: ImportSoa | undefined;
  /** For a zone without a policy of its own. */
  serialPolicy: SerialPolicy;
  /** Milliseconds since the epoch. */
  now: number;
}

export interface Imported {
  kind: 'imported';
  created: boolean;
  /** Records of the file, equal ones counted once. */
  records: number;
  added: number;
  deleted: number;
  /** Aliases that stay, with other options. */
  options: number;
  /** Whether the zone's SOA changed in more than its serial. */
  soaChanged: boolean;
  /** How the serial of the file stands to ours; undefined without a SOA. */
  fileSerial: 'taken' | 'passed' | 'equal' | 'older' | 'incomparable' | undefined;
  /** The zone's serial: of its next version where something changed. */
  serial: number;
}

export type ImportResult = Imported | { kind: 'conflict'; conflict: ImportConflict } | { kind: 'no-soa' };

/**
 * Makes a zone what `rows` say, in one transaction: rows that differ are deleted and inserted, the others are left alone, an ALIAS
 * among them. The rows have been through the full encoder. Nothing is written where nothing differs, and an error of the iteration of
 * `rows` rolls everything back.
 */
export async function importZone(
  pool: Pool,
  rows: Iterable<ImportRow>,
  options: () => ImportOptions,
): Promise<ImportResult> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    // a million rows take their time, and their checks have been made
    await client.query(`begin; set local statement_timeout = 0; set local work_mem = '128MB';
      set local zoneferry.prechecked = 'on'; set local zoneferry.action = 'import'`);
    const result = await importStaged(client, rows, options);
    await client.query(result.kind === 'imported' ? 'commit' : 'rollback');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

async function importStaged(
  client: Client,
  rows: Iterable<ImportRow>,
  optionsNow: () => ImportOptions,
): Promise<ImportResult> {
  const records = await stage(client, rows);
  const { zone, soa, serialPolicy, now } = optionsNow();
  const conflict = await firstConflict(client);
  if (conflict) return { kind: 'conflict', conflict };
  const known = await lockForImport(client, zone);
  if (!known) {
    if (!soa) return { kind: 'no-soa' };
    const made = await makeZone(client, zone, soa);
    return {
      kind: 'imported',
      created: true,
      records,
      added: await insertAll(client, made.id),
      deleted: 0,
      options: 0,
      soaChanged: true,
      fileSerial: made.serial === soa.serial ? 'taken' : 'older',
      serial: made.serial,
    };
  }
  const differences = await findDifferences(client, known.id);
  const { added, deleted } = await writeDifferences(client, known.id);
  const options = await writeOptions(client, known.id);
  const soaChanged = soa !== undefined && (await writeSoa(client, known.id, soa));
  const { serial, policy } = await lockSerial(client, known.id);
  const order = soa && compareSerial(soa.serial, serial);
  const published = differences.served || soaChanged || options > 0;
  const result = { kind: 'imported', created: false, records, added, deleted, options, soaChanged } as const;
  if (!soa || order !== 'newer') return { ...result, fileSerial: order as Imported['fileSerial'], serial };
  if (!published) return { ...result, fileSerial: 'equal', serial };
  const past = serialAfter(soa.serial, policy ?? serialPolicy, now);
  const next = isNewer(past, serial) ? past : soa.serial;
  await client.query('update zones set serial = $2 where id = $1::bigint', [known.id, next]);
  return { ...result, fileSerial: 'passed', serial: next };
}

/** Imports of one zone come one after the other; edits and publications go on meanwhile. */
async function lockForImport(client: Client, zone: string): Promise<{ id: string } | undefined> {
  await client.query(`select pg_advisory_xact_lock(hashtextextended('zoneferry import ' || $1, 0))`, [zone]);
  const { rows } = await client.query<{ id: string }>('select id from zones where name = $1', [zone]);
  return rows[0];
}

async function makeZone(
  client: Client,
  zone: string,
  soa: ImportSoa,
): Promise<{ id: string; serial: number }> {
  const { rows } = await client.query<{ id: string; serial: string }>(
    `insert into zones (name, primary_ns, contact, serial, refresh, retry, expire, minimum, soa_ttl)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id, serial`,
    [
      zone,
      soa.primaryNs,
      soa.contact,
      soa.serial,
      soa.refresh,
      soa.retry,
      soa.expire,
      soa.minimum,
      soa.soaTtl,
    ],
  );
  return { id: rows[0]?.id ?? '', serial: Number(rows[0]?.serial) };
}

async function insertAll(client: Client, zoneId: string): Promise<number> {
  const { rowCount } = await client.query(
    `insert into records (zone_id, name, type, ttl, content, answers, fallback, debug_txt)
     select $1::bigint, name, type, ttl, content, ${STAGED_OPTIONS} from import_rows where not twin`,
    [zoneId],
  );
  return rowCount ?? 0;
}

/** True where a column changed; names are compared without regard to case. */
export async function writeSoa(
  client: Client,
  zoneId: string,
  soa: Omit<ImportSoa, 'serial'>,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `update zones set primary_ns = $2, contact = $3, refresh = $4, retry = $5, expire = $6, minimum = $7, soa_ttl = $8
     where id = $1::bigint and (lower(primary_ns), lower(contact), refresh, retry, expire, minimum, soa_ttl)
       is distinct from (lower($2), lower($3), $4::integer, $5::integer, $6::integer, $7::integer, $8::integer)`,
    [zoneId, soa.primaryNs, soa.contact, soa.refresh, soa.retry, soa.expire, soa.minimum, soa.soaTtl],
  );
  return rowCount === 1;
}

/** The serial as it is now, kept from the publisher until the import commits. */
async function lockSerial(
  client: Client,
  zoneId: string,
): Promise<{ serial: number; policy: SerialPolicy | null }> {
  const { rows } = await client.query<{ serial: string; serial_policy: SerialPolicy | null }>(
    'select serial, serial_policy from zones where id = $1::bigint for no key update',
    [zoneId],
  );
  return { serial: Number(rows[0]?.serial), policy: rows[0]?.serial_policy ?? null };
}
