import type { Pool } from 'pg';
import { absoluteName } from '../../src/dns/name.ts';
import { encodeSoa } from '../../src/dns/rdata/index.ts';
import { writeLooks } from '../../src/store/looks.ts';
import { migrate } from '../../src/store/migrate.ts';
import { decide } from '../../src/zone/alias/decide.ts';
import { aliasPolicy } from '../../src/zone/alias/policy.ts';
import { say } from '../big/stage.ts';

/** How much there is: each target is followed by ten ALIAS records in ten zones, a hundred of them to a zone. */
export interface Size {
  aliases: number;
  targets: number;
  zones: number;
}

export const SUFFIX = 'targets.test.';
export const TTL = 3_600;
const ALIASES_A_TARGET = 10;
const ALIASES_A_ZONE = 100;

export function sizeOf(aliases: number): Size {
  const targets = Math.floor(aliases / ALIASES_A_TARGET);
  return { aliases, targets, zones: Math.ceil(aliases / ALIASES_A_ZONE) };
}

export const targetName = (index: number) => `t${index}.${SUFFIX}`;
export const zoneName = (index: number) => `z${index}.test.`;
/** The zones that hold an ALIAS of this target. */
export const zonesOf = (target: number, { targets, aliases }: Size) =>
  Array.from({ length: Math.floor(aliases / targets) }, (_, turn) =>
    zoneName(Math.floor((target + turn * targets) / ALIASES_A_ZONE)),
  );
export const ipv4Of = (target: number) => `198.18.${(target >> 8) & 255}.${target & 255}`;
export const ipv6Of = (target: number) =>
  `2001:db8::${((target >> 16) + 1).toString(16)}:${(target & 65_535).toString(16)}`;

/**
 * Lays the tables as a back-up is restored, without triggers: everything is published, every target answered. The exclusion constraint
 * of `records` is built after the rows are there.
 */
export async function lay(pool: Pool, size: Size): Promise<void> {
  await migrate(pool);
  const begun = performance.now();
  await answerTargets(pool, size);
  const client = await pool.connect();
  const step = async (what: string, text: string, values: unknown[] = []) => {
    await client.query(text, values);
    say(`${((performance.now() - begun) / 1000).toFixed(1)} s: ${what}`);
  };
  try {
    await client.query(
      `set session_replication_role = replica; set maintenance_work_mem = '512MB'; set work_mem = '128MB'`,
    );
    await client.query('set synchronous_commit = off');
    const { rows } = await client.query(
      `select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
       where conrelid = 'records'::regclass and contype = 'x'`,
    );
    for (const { name } of rows) await client.query(`alter table records drop constraint "${name}"`);
    const soas = Array.from({ length: size.zones }, (_, zone) => soaOf(zoneName(zone)));
    await step(
      'zones',
      `insert into zones (name, primary_ns, contact, serial, published_serial, published_soa, published_soa_ttl, published_at, record_count)
       select name, 'ns1.' || name, 'h.' || name, 1, 1, soa, 3600, now(), $3 from unnest($1::text[], $2::bytea[]) as u (name, soa)`,
      [Array.from({ length: size.zones }, (_, zone) => zoneName(zone)), soas, 1 + 2 * ALIASES_A_ZONE],
    );
    await step(
      'records',
      `insert into records (zone_id, name, type, content)
       select id, name, 'NS', 'ns1.example.net.' from zones
       union all
       select z.id, 'a' || n || '.' || z.name, 'ALIAS', 't' || n % $1::integer || '.${SUFFIX}'
       from generate_series(0, $2::integer - 1) as n join zones z on z.name = 'z' || n / ${ALIASES_A_ZONE} || '.test.'`,
      [size.targets, size.aliases],
    );
    await step(
      'aliases',
      `insert into aliases (record_id, zone_id, owner, target) select id, zone_id, owner, content from records where type = 'ALIAS'`,
    );
    await step(
      'transfer records',
      `insert into transfer_records (zone_id, owner, name, type, ttl, content, rdata, source_record_id)
       select zone_id, owner, name, 'NS', 3600, content, $1, id from records where type = 'NS'
       union all
       select r.zone_id, r.owner, r.name, a.type, ${TTL}, a.content, a.rdata, r.id
       from records r join lateral (select substr(content, 2, strpos(content, '.') - 2)::integer as number) as t on r.type = 'ALIAS',
         lateral (values ('A', '198.18.' || (number >> 8 & 255) || '.' || (number & 255), '\\xc612'::bytea || substr(int4send(number), 3)),
           ('AAAA', '2001:db8::' || to_hex((number >> 16) + 1) || ':' || to_hex(number & 65535), '\\x20010db80000000000000000'::bytea || int4send(number + 65536)))
           as a (type, content, rdata)`,
      [absoluteName('ns1.example.net.')],
    );
    for (const { name, definition } of rows)
      await step('exclusion constraint', `alter table records add constraint "${name}" ${definition}`);
    await client.query('truncate zone_marks');
    await client.query('vacuum analyze');
    await step('analysed; checkpoint', 'checkpoint');
  } finally {
    client.release(true);
  }
}

/** Has every target answered, by the road that answers of looks take; nobody follows them yet. */
async function answerTargets(pool: Pool, { targets }: Size): Promise<void> {
  const policy = aliasPolicy();
  const now = Date.now();
  for (let from = 0; from < targets; from += 10_000) {
    const numbers = Array.from({ length: Math.min(10_000, targets - from) }, (_, index) => from + index);
    await pool.query('insert into alias_targets (name) select unnest($1::text[])', [numbers.map(targetName)]);
    await writeLooks(
      pool,
      numbers.map((number) => ({
        name: targetName(number),
        decide: (before) =>
          decide(
            before,
            {
              a: { kind: 'found', addresses: [ipv4Of(number)], ttl: TTL },
              aaaa: { kind: 'found', addresses: [ipv6Of(number)], ttl: TTL },
            },
            policy,
            now,
          ),
      })),
    );
  }
}

function soaOf(zone: string): Buffer {
  return encodeSoa({
    mname: absoluteName(`ns1.${zone}`),
    rname: absoluteName(`h.${zone}`),
    serial: 1,
    refresh: 3_600,
    retry: 600,
    expire: 1_209_600,
    minimum: 300,
  });
}
