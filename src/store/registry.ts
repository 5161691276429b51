import { absoluteName, nameKey } from '../dns/name.ts';
import type { TsigAlgorithm, TsigKey } from '../dns/tsig.ts';
import { parseEndpoint } from '../endpoint.ts';
import type { Pool } from './pool.ts';
import { Secrets } from './secrets.ts';

/** A registered secondary as the transfer server asks for it. */
export interface Registration {
  secondaryId: string;
  name: string;
  addresses: string[];
  transferFrom: string[];
  keys: TsigKey[];
  /** It has keys, and the secret of none can be opened: that makes it no registration without keys. */
  locked: boolean;
  zones: 'all' | ReadonlySet<string>;
  /** The catalog that lists its zones. */
  catalog?: string;
}

/**
 * Who is registered, kept in memory and read again at every hint and poll. A failed read keeps what was known, and throws.
 */
export class Registry {
  readonly #pool: Pool;
  readonly #secrets: Secrets;
  #registrations: readonly Registration[] = [];
  #keys = new Map<string, TsigKey>();
  #begun = 0;
  #applied = 0;

  constructor(pool: Pool, secrets = new Secrets()) {
    this.#pool = pool;
    this.#secrets = secrets;
  }

  registrations(): readonly Registration[] {
    return this.#registrations;
  }

  /** `key` is the canonical text of its name. */
  findKey(key: string, algorithm: string): TsigKey | undefined {
    const found = this.#keys.get(key);
    return found?.algorithm === algorithm ? found : undefined;
  }

  async read(): Promise<void> {
    const turn = ++this.#begun;
    const keys = new Map((await readKeys(this.#pool, this.#secrets)).map((key) => [nameKey(key.name), key]));
    const { rows } = await this.#pool.query(
      'select id, name, addresses, transfer_from::text[] as ranges, keys, zones, catalog from secondaries order by id',
    );
    // one that was overtaken by a later one is out of date
    if (turn < this.#applied) return;
    this.#applied = turn;
    this.#registrations = rows.map((row) => {
      const names = row.keys as string[];
      const opened = names.flatMap((name) => keys.get(nameKey(absoluteName(name))) ?? []);
      return {
        secondaryId: row.id,
        name: row.name,
        addresses: (row.addresses as string[]).flatMap((address) => parseEndpoint(address, 53)?.ip ?? []),
        transferFrom: row.ranges,
        keys: opened,
        locked: names.length > 0 && opened.length === 0,
        zones: row.zones === null ? 'all' : new Set(row.zones as string[]),
        ...(row.catalog === null ? {} : { catalog: row.catalog }),
      };
    });
    this.#keys = keys;
  }
}

/** Every TSIG key, ready for use; without those whose secret can't be opened, which `sealSecrets` tells of. */
export async function readKeys(pool: Pool, secrets: Secrets): Promise<TsigKey[]> {
  const { rows } = await pool.query<KeyRow>('select name, algorithm, secret, min_mac_bits from tsig_keys');
  return rows.flatMap((row) => tsigKey(row, secrets) ?? []);
}

/** A row of `tsig_keys`, as far as it takes part in signing. */
export interface KeyRow {
  name: string;
  algorithm: TsigAlgorithm;
  secret: string;
  min_mac_bits: number | null;
}

/** The key of a row; undefined where its secret can't be opened. */
export function tsigKey(row: KeyRow, secrets: Secrets): TsigKey | undefined {
  const secret = secrets.open(row.secret);
  if (!secret) return undefined;
  return {
    name: absoluteName(row.name),
    algorithm: row.algorithm,
    secret,
    ...(row.min_mac_bits === null ? {} : { shortestMac: row.min_mac_bits / 8 }),
  };
}
