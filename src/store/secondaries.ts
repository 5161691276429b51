import type { Pool } from './pool.ts';

/** A registered secondary. */
export interface Secondary {
  id: string;
  name: string;
  /** As written: IP, IP:PORT, [IP6]:PORT or IP@PORT. */
  addresses: string[];
  transferFrom: string[];
  /** Names of keys: the first signs NOTIFY, all are accepted. */
  keys: string[];
  /** Null: all zones. */
  zones: string[] | null;
  notify: boolean;
  catalog: string | null;
  /** Where it answers queries; null: at its addresses; none: it is not asked. */
  check: string[] | null;
  /** Nobody waits for it. */
  optional: boolean;
  /** NOTIFYs a second; null: as NOTIFY_RATE has it. */
  notifyRate: number | null;
  /** Zones that may be on their way to it at once; null: any number. */
  maxTransfers: number | null;
}

export type SecondarySettings = Partial<Omit<Secondary, 'id' | 'name'>>;

const COLUMNS =
  'id, name, addresses, transfer_from::text[] as "transferFrom", keys, zones, notify, catalog, check_addresses as "check", optional, notify_rate as "notifyRate", max_transfers as "maxTransfers"';

const VERSION =
  'md5(row(addresses, transfer_from, keys, zones, notify, catalog, check_addresses, optional, notify_rate, max_transfers)::text)';

/** Judged by the statement that writes, so that of two who have seen the same one comes through. */
function isVersion(parameter: string): string {
  return `(${parameter}::text is null or ${VERSION} = ${parameter}::text)`;
}

const COLUMN_OF = {
  addresses: ['addresses', 'text[]'],
  transferFrom: ['transfer_from', 'cidr[]'],
  keys: ['keys', 'text[]'],
  zones: ['zones', 'text[]'],
  notify: ['notify', 'boolean'],
  catalog: ['catalog', 'text'],
  check: ['check_addresses', 'text[]'],
  optional: ['optional', 'boolean'],
  notifyRate: ['notify_rate', 'integer'],
  maxTransfers: ['max_transfers', 'integer'],
} as const satisfies Record<keyof SecondarySettings, [string, string]>;

/** Registers a secondary. */
export async function addSecondary(
  pool: Pool,
  name: string,
  settings: SecondarySettings & { addresses: string[] },
): Promise<Secondary> {
  const given = columnsOf(settings);
  const { rows } = await pool.query<Secondary>(
    `insert into secondaries (name, ${given.names.join(', ')}) values ($1, ${given.parameters.join(', ')}) returning ${COLUMNS}`,
    [name, ...given.values],
  );
  return rows[0] as Secondary;
}

/** Changes what is given; undefined where there is no such secondary, or it has another version than the one asked for. */
export async function setSecondary(
  pool: Pool,
  name: string,
  settings: SecondarySettings,
  version?: string,
): Promise<Secondary | undefined> {
  const given = columnsOf(settings);
  const { rows } = await pool.query<Secondary>(
    `update secondaries set ${given.names.map((column, index) => `${column} = ${given.parameters[index]}`).join(', ')}
     where name = $1 and ${isVersion(`$${given.values.length + 2}`)} returning ${COLUMNS}`,
    [name, ...given.values, version],
  );
  return rows[0];
}

export async function listSecondaries(pool: Pool): Promise<Secondary[]> {
  const { rows } = await pool.query<Secondary>(`select ${COLUMNS} from secondaries order by name`);
  return rows;
}

export async function findSecondary(pool: Pool, name: string): Promise<Secondary | undefined> {
  const { rows } = await pool.query<Secondary>(`select ${COLUMNS} from secondaries where name = $1`, [name]);
  return rows[0];
}

/** What an operator wrote of a secondary, in short: it changes with every change of that. */
export async function versionOfSecondary(pool: Pool, name: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ version: string }>(
    `select ${VERSION} as version from secondaries where name = $1`,
    [name],
  );
  return rows[0]?.version;
}

/** Deletes a registration; false where there was none, or it has another version than the one asked for. */
export async function deleteSecondary(pool: Pool, name: string, version?: string): Promise<boolean> {
  const { rowCount } = await pool.query(`delete from secondaries where name = $1 and ${isVersion('$2')}`, [
    name,
    version,
  ]);
  return rowCount === 1;
}

/** Names of the zones that a secondary may have and that there are, its catalog left out. */
export async function zonesOfSecondary(pool: Pool, name: string): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select z.name from zones z join secondaries s on zoneferry_may_have(s, z) where s.name = $1 and not z.catalog order by z.name`,
    [name],
  );
  return rows.map((row) => row.name);
}

function columnsOf(settings: SecondarySettings): {
  names: string[];
  parameters: string[];
  values: unknown[];
} {
  const names: string[] = [];
  const parameters: string[] = [];
  const values: unknown[] = [];
  for (const [key, [column, type]] of Object.entries(COLUMN_OF)) {
    const value = settings[key as keyof SecondarySettings];
    if (value === undefined) continue;
    names.push(column);
    values.push(value);
    parameters.push(`$${values.length + 1}::${type}`);
  }
  return { names, parameters, values };
}

/** A registration as the command line and the API print it. */
export function secondaryInJson({ check, zones, ...secondary }: Secondary): object {
  return { ...secondary, zones: zones ?? 'all', check: check?.length === 0 ? 'none' : check };
}
