import { readFileSync } from 'node:fs';
import pg from 'pg';
import { Authority } from '../../support/certificates.ts';
import { freshDatabase } from '../../support/database.ts';
import { freePort } from '../../support/secondaries/ports.ts';
import { type Service, startService } from '../../support/service.ts';
import { soa } from '../../support/transfer-client.ts';
import { until } from '../../support/until.ts';

export const TOKEN = 'the-token-of-the-floods-0123456789';
export const ZONE = 'flooded.example.';
/** The one address that is registered; floods come from others. */
export const SECONDARY = '127.0.0.1';

/** Where it listens. */
export interface Target {
  dns: { host: string; port: number };
  http: { host: string; port: number };
  /** XFR over TLS. */
  tls?: { host: string; port: number } | undefined;
}

/** A service in a process of its own, with a zone and a secondary that may have it. */
export interface Stage extends Target {
  /** Of its certificate, where both of its doors speak TLS. */
  authority?: string;
  pid: number;
  log(): string;
  close(): Promise<void>;
}

/**
 * @param settings those of a service beside what a stage needs
 * @param url an empty database; by default one on the PostgreSQL of the test run
 */
export async function openStage(
  records: number,
  settings: Record<string, string> = {},
  url?: string,
): Promise<Stage> {
  const database = url === undefined ? await freshDatabase() : { url, drop: async () => {} };
  const service = await startService({
    databaseUrl: database.url,
    settings: { API_TOKEN: TOKEN, RESYNC_CRON: '0 0 1 1 *', ...settings },
  });
  try {
    await fill(database.url, records);
    const dns = { host: service.dns.ip, port: service.dns.port };
    await until('the zone is served', async () => {
      const { rcode } = await soa({ ...dns, zone: ZONE, localAddress: SECONDARY, timeoutMs: 2_000 });
      return rcode === 0;
    });
    return {
      dns,
      http: { host: service.http.ip, port: service.http.port },
      pid: service.pid,
      log: service.log,
      close: () => close(service, database),
    };
  } catch (error) {
    await close(service, database);
    throw error;
  }
}

/** A stage whose doors for transfers and HTTP speak TLS too, and TLS alone. */
export async function openSecureStage(records: number, url?: string): Promise<Stage> {
  const authority = await Authority.make();
  try {
    const { certFile, keyFile } = await authority.issue('flooded.test');
    const port = await freePort();
    const settings = {
      TLS_LISTEN: `127.0.0.1:${port}`,
      TLS_CERT: certFile,
      TLS_KEY: keyFile,
      HTTP_TLS_CERT: certFile,
      HTTP_TLS_KEY: keyFile,
    };
    const stage = await openStage(records, settings, url);
    return {
      ...stage,
      tls: { host: '127.0.0.1', port },
      authority: authority.ca,
      close: async () => {
        await stage.close();
        await authority.remove();
      },
    };
  } catch (error) {
    await authority.remove();
    throw error;
  }
}

/** Octets that a process has in memory. */
export function residentOctets(pid: number): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}

async function fill(databaseUrl: string, records: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(`insert into secondaries (name, addresses, notify) values ('s1', $1, false)`, [
      [SECONDARY],
    ]);
    const { rows } = await client.query(
      `insert into zones (name, primary_ns, contact) values ($1, 'ns1.example.net', 'h@example.net') returning id`,
      [ZONE],
    );
    await client.query(
      `insert into records (zone_id, name, type, content) select $1::bigint, 'h' || n || '.' || $2::text, 'A', '192.0.2.1' from generate_series(1, $3::integer) n
       union all select $1::bigint, $2::text, 'NS', 'ns1.example.net.'`,
      [rows[0].id, ZONE, records],
    );
    await client.query('commit');
  } finally {
    await client.end();
  }
}

async function close(service: Service, database: { drop(): Promise<void> }): Promise<void> {
  await service.stop();
  await database.drop();
}
