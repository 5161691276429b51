import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from 'pg';

/** Names and contents of many zones of twelve records, SOA counted, the same in each run. */
export interface SmallZones {
  names: string[];
  /** Records of one zone without its SOA: owner, type, content, TTL. */
  records(zone: string): [owner: string, type: string, content: string, ttl: number][];
}

export function smallZones(count: number): SmallZones {
  const names = Array.from({ length: count }, (_, index) => `s${String(index).padStart(6, '0')}.test.`);
  return {
    names,
    records: (zone) => {
      const number = Number(zone.slice(1, 7));
      const v4 = (host: number) => `198.18.${(number >> 8) & 255}.${((number & 127) + host) & 255}`;
      return [
        [zone, 'NS', `ns1.${zone}`, 3600],
        [zone, 'NS', `ns2.${zone}`, 3600],
        [zone, 'A', v4(1), 300],
        [zone, 'AAAA', `2001:db8::${number.toString(16)}`, 300],
        [zone, 'MX', `10 mail.${zone}`, 3600],
        [zone, 'TXT', `"v=spf1 ip4:${v4(2)} -all"`, 3600],
        [`ns1.${zone}`, 'A', v4(3), 3600],
        [`ns2.${zone}`, 'A', v4(4), 3600],
        [`mail.${zone}`, 'A', v4(5), 300],
        [`www.${zone}`, 'CNAME', zone, 300],
        [`api.${zone}`, 'A', v4(6), 60],
      ];
    },
  };
}

/** A master file for each zone, for the peers, and the lists that the clients read. */
export async function writeZones(
  zones: SmallZones,
  folder: string,
): Promise<{ list: string; questions: string }> {
  await mkdir(join(folder, 'zones'), { recursive: true });
  for (const zone of zones.names) {
    const soa = `${zone} 3600 IN SOA ns1.${zone} hostmaster.${zone} 1 7200 900 1209600 300`;
    const rest = zones
      .records(zone)
      .map(([owner, type, content, ttl]) => `${owner} ${ttl} IN ${type} ${content}`);
    await writeFile(join(folder, 'zones', `${zone}zone`), `${[soa, ...rest].join('\n')}\n`);
  }
  const list = join(folder, 'list');
  const questions = join(folder, 'questions');
  await writeFile(list, `${zones.names.join('\n')}\n`);
  await writeFile(
    questions,
    `${shuffled(zones.names)
      .map((zone) => `${zone} SOA`)
      .join('\n')}\n`,
  );
  return { list, questions };
}

/** The same zones as rows; published by the service afterwards. */
export async function insertZones(zones: SmallZones, pool: Pool): Promise<void> {
  for (let from = 0; from < zones.names.length; from += 1_000) {
    const names = zones.names.slice(from, from + 1_000);
    await pool.query(
      `insert into zones (name, primary_ns, contact, serial, refresh, retry, expire, minimum)
       select name, 'ns1.' || name, 'hostmaster.' || name, 1, 7200, 900, 1209600, 300 from unnest($1::text[]) as name`,
      [names],
    );
    const rows = names.flatMap((zone) => zones.records(zone).map((record) => [zone, ...record] as const));
    await pool.query(
      `insert into records (zone_id, name, type, content, ttl)
       select z.id, r.name, r.type, r.content, r.ttl
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[]) as r (zone, name, type, content, ttl)
       join zones z on z.name = r.zone`,
      [
        rows.map((row) => row[0]),
        rows.map((row) => row[1]),
        rows.map((row) => row[2]),
        rows.map((row) => row[3]),
        rows.map((row) => row[4]),
      ],
    );
  }
}

/** The same order in each run. */
function shuffled(names: readonly string[]): string[] {
  const copy = [...names];
  let state = 12_345;
  for (let index = copy.length - 1; index > 0; index--) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const other = state % (index + 1);
    [copy[index], copy[other]] = [copy[other] ?? '', copy[index] ?? ''];
  }
  return copy;
}
