import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { ROLES, type Role, type Service, startService } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import type { Log, LogFields } from '../../src/log.ts';
import { freshDatabase } from './database.ts';
import { freePort } from './secondaries/ports.ts';
import { until } from './until.ts';
import { Upstream } from './upstream.ts';

/** The whole service in this process, on a database of its own, with a controllable upstream and an operator's SQL client. */
export interface House {
  upstream: Upstream;
  operator: pg.Pool;
  databaseUrl: string;
  dns: { host: string; port: number };
  http: string;
  lines: string[];
  /** What was logged, with its fields; `debug` is left out. */
  entries: Entry[];
  /** Starts a further process's worth of rooms on the same database. */
  addService(roles?: readonly Role[], settings?: Record<string, string>): Promise<Service>;
  /** A zone with its NS and these records; its id. */
  zone(
    name: string,
    records?: [name: string, type: string, content: string, ttl?: number][],
  ): Promise<string>;
  /** Waits until this name publishes exactly these contents of that type. */
  publishes(name: string, type: string, contents: string[]): Promise<void>;
  serial(zone: string): Promise<number>;
  close(): Promise<void>;
}

export interface Entry {
  message: string;
  fields: Readonly<Record<string, unknown>>;
}

export async function openHouse(
  settings: Record<string, string> = {},
  roles: readonly Role[] = ROLES,
  /** Called before anything connects. */
  prepare: (databaseUrl: string) => Promise<unknown> = async () => {},
): Promise<House> {
  const database = await freshDatabase();
  await prepare(database.url);
  const upstream = await Upstream.start();
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-house-'));
  const operator = new pg.Pool({ connectionString: database.url, max: 10 });
  operator.on('error', () => {});
  const lines: string[] = [];
  const entries: Entry[] = [];
  const services: Service[] = [];
  const addService = async (roles: readonly Role[] = ROLES, more: Record<string, string> = {}) => {
    const config = loadConfig(
      {
        DATABASE_URL: database.url,
        RESOLVERS: `${upstream.endpoint.ip}:${upstream.endpoint.port}`,
        RESOLVE_TIMEOUT_MS: '200',
        RESOLVE_TRIES: '1',
        RESYNC_CRON: '* * * * * *',
        REFRESH_MIN: '1',
        RETRY_MAX: '2',
        DNS_LISTEN: `127.0.0.1:${await freePort()}`,
        HTTP_LISTEN: `127.0.0.1:${await freePort()}`,
        ...settings,
        ...more,
      },
      folder,
    );
    const service = await startService(config, { roles, log: collect(lines, entries) });
    services.push(service);
    return { service, config };
  };
  const { config } = await addService(roles);
  const dns = config.dnsListen[0] ?? { ip: '', port: 0 };
  const house: House = {
    upstream,
    operator,
    databaseUrl: database.url,
    dns: { host: dns.ip, port: dns.port },
    http: `http://127.0.0.1:${config.httpListen.port}`,
    lines,
    entries,
    addService: async (roles, more) => (await addService(roles, more)).service,
    zone: async (name, records = []) => {
      const client = await operator.connect();
      await client.query('begin');
      const { rows } = await client.query(
        'insert into zones (name, primary_ns, contact) values ($1, $2, $3) returning id',
        [name, `ns1.${name}`, `h@${name}`],
      );
      for (const [owner, type, content, ttl = 3600] of [[name, 'NS', `ns1.${name}`] as const, ...records]) {
        await client.query(
          'insert into records (zone_id, name, type, content, ttl) values ($1, $2, $3, $4, $5)',
          [rows[0].id, owner, type, content, ttl],
        );
      }
      await client.query('commit');
      client.release();
      return rows[0].id;
    },
    publishes: async (name, type, contents) => {
      let last: string[] = [];
      await until(
        `${name} ${type} ${contents.join(' ') || 'nothing'}`,
        async () => {
          const { rows } = await operator.query(
            'select content from transfer_records where name = $1 and type = $2 order by content',
            [name, type],
          );
          last = rows.map((row) => row.content);
          return last.join() === [...contents].sort().join();
        },
        { everyMs: 10, explain: () => `publishes ${last.join()}` },
      );
    },
    serial: async (zone) =>
      Number(
        (await operator.query('select published_serial from zones where name = $1', [zone])).rows[0]
          ?.published_serial,
      ),
    close: async () => {
      for (const service of services.reverse()) await service.stop();
      await operator.end();
      await upstream.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return house;
}

function collect(lines: string[], entries: Entry[]): Log {
  const write = (fields: LogFields, message: string) => {
    lines.push(message);
    entries.push({ message, fields });
  };
  return { debug: () => {}, info: write, warn: write, error: write, child: () => collect(lines, entries) };
}
