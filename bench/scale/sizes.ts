import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type pg from 'pg';
import { absoluteName } from '../../src/dns/name.ts';
import { encodeSoa } from '../../src/dns/rdata/index.ts';
import { KnownVersion, KnownVersions } from '../../src/store/known-versions.ts';
import type { Coefficients } from './coefficients.ts';

/** Octets of a zone's version in the memory of a transfer process. */
export function memoryOfZone(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const count = 50_000;
  collect();
  const before = process.memoryUsage().heapUsed;
  const versions = new KnownVersions(count);
  for (let index = 0; index < count; index++) {
    const name = `z${index}.scale.test.`;
    const soa = encodeSoa({
      mname: absoluteName('ns.scale.test.'),
      rname: absoluteName('h.scale.test.'),
      serial: index,
      refresh: 3600,
      retry: 600,
      expire: 1_209_600,
      minimum: 300,
    });
    versions.change(name, new KnownVersion(String(index), name, soa, 3600));
  }
  collect();
  const octets = (process.memoryUsage().heapUsed - before) / count;
  if (versions.size !== count) throw new Error('the versions are not all in memory');
  return octets;
}

/** Octets on disk for each row, indexes included. */
export async function disk(pool: pg.Pool): Promise<Coefficients['disk']> {
  const { rows } = await pool.query<{ name: string; octets: number }>(
    `select relname as name, case when reltuples > 0 then pg_total_relation_size(oid) / reltuples::float8 else 0 end as octets
     from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace`,
  );
  const targets = Number((await pool.query('select count(*) from alias_targets')).rows[0].count);
  const packs = Number(
    (await pool.query(`select pg_total_relation_size('steady_packs') as octets`)).rows[0].octets,
  );
  const of = (table: string) => Math.round(rows.find(({ name }) => name === table)?.octets ?? Number.NaN);
  return {
    zone: of('zones'),
    record: of('records'),
    publishedRecord: of('transfer_records'),
    version: of('zone_changes') + of('record_history'),
    outbox: of('notifications'),
    ledger: of('convergence'),
    seen: of('convergence_history'),
    target: of('alias_targets') + Math.round(packs / targets),
    alias: of('aliases'),
  };
}
