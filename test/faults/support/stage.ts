import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../../src/store/migrate.ts';
import { createPool, type Pool } from '../../../src/store/pool.ts';
import { LyingSecondary } from '../../notify/lying-secondary.ts';
import { contentOf } from '../../support/journal.ts';
import { OwnPostgres } from '../../support/own-postgres.ts';
import { type Secondary, type SecondaryKind, startSecondary } from '../../support/secondaries/index.ts';
import { freePort } from '../../support/secondaries/ports.ts';
import { until } from '../../support/until.ts';
import { Upstream } from '../../support/upstream.ts';
import { watchAway } from './away.ts';
import { asWatched, Checker, type Watched } from './checker.ts';
import type { Random } from './random.ts';
import { RoleProcess } from './role-process.ts';
import { type Anchors, settle } from './settle.ts';
import { Traffic } from './traffic.ts';

/** Each process by its name, with the roles that it has. */
export const APART: Record<string, readonly string[]> = {
  'transfer-a': ['transfer'],
  'transfer-b': ['transfer'],
  worker: ['worker'],
  scheduler: ['scheduler', 'api'],
};
export const WHOLE: Record<string, readonly string[]> = {
  whole: ['transfer', 'worker', 'scheduler', 'api'],
};

export interface StageOptions {
  random: Random;
  processes?: Record<string, readonly string[]>;
  secondaries?: readonly SecondaryKind[];
  /** Settings of every process. */
  settings?: Record<string, string>;
  /** What else single processes have in their environment, by their names. */
  environments?: Record<string, Record<string, string>>;
  zones?: number;
  hosts?: number;
  /** A PostgreSQL to run on; closed with the stage. */
  postgres?: OwnPostgres;
}

/** Everything that faults are brought upon: PostgreSQL, our processes, an upstream, real secondaries; and the checker, which watches. */
export interface Stage {
  random: Random;
  postgres: OwnPostgres;
  /** A pool as the service has it, and one of an operator. */
  pool: Pool;
  operator: pg.Pool;
  upstream: Upstream;
  processes: RoleProcess[];
  secondaries: Secondary[];
  traffic: Traffic;
  checker: Checker;
  folder: string;
  /** Our own processes that answer DNS. */
  own: Watched[];
  anchors: Anchors;
  process(name: string): RoleProcess;
  /** Starts what does not run, and waits until all are ready. */
  revive(): Promise<void>;
  /** Ends the traffic, waits until everything has converged, and throws where anything was violated. What was checked, in words. */
  settle(): Promise<string>;
  close(): Promise<void>;
}

export async function openStage(options: StageOptions): Promise<Stage> {
  const { random, secondaries: kinds = ['bind', 'nsd'] } = options;
  const stops: (() => unknown)[] = [];
  const close = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'zoneferry-faults-'));
    stops.push(() => rm(folder, { recursive: true, force: true }));
    const postgres = options.postgres ?? (await OwnPostgres.start());
    stops.push(() => postgres.close());
    const pool = createPool(postgres.url, { max: 3, onError: () => {} });
    stops.push(() => pool.end());
    await migrate(pool);
    const operator = new pg.Pool({ connectionString: postgres.url, max: 3, connectionTimeoutMillis: 5_000 });
    operator.on('error', () => {});
    stops.push(() => operator.end());
    const upstream = await Upstream.start();
    stops.push(() => upstream.close());
    const traffic = new Traffic(postgres.url, upstream, random.branch());
    stops.push(() => traffic.close());

    const settings = {
      DATABASE_URL: postgres.url,
      RESOLVERS: `${upstream.endpoint.ip}:${upstream.endpoint.port}`,
      RESOLVE_TIMEOUT_MS: '300',
      RESOLVE_TRIES: '2',
      RESYNC_CRON: '* * * * * *',
      REFRESH_MIN: '1',
      RETRY_MAX: '2',
      JOURNAL_VERSIONS: '10000',
      // targets that move so often are else taken for rotating ones, of which a last move is followed after minutes
      ROTATION_LOOKS: '2',
      ROTATION_WINDOW: '0',
      ROTATION_FLOOR: '0',
      ...options.settings,
    };
    const processes: RoleProcess[] = [];
    for (const [name, roles] of Object.entries(options.processes ?? APART))
      processes.push(
        await RoleProcess.make(name, roles, {
          folder,
          settings: { ...settings, ...options.environments?.[name] },
        }),
      );
    stops.push(() => Promise.all(processes.map((process) => process.kill())));
    for (const process of processes) process.start();
    await Promise.all(processes.map((process) => process.ready()));

    await traffic.makeZones(options.zones ?? 3, options.hosts ?? 20);
    const zones = traffic.plots.map(({ zone }) => zone);
    const checker = new Checker(zones);
    stops.push(() => checker.stop());
    checker.judge = (zone, sighting) => traffic.judge(zone, sighting);
    checker.watchAway = (name) =>
      watchAway(() => processes.find((process) => process.name === name)?.log() ?? '');
    const serving = processes.filter(({ serves }) => serves);
    const own = serving.map(({ name, dns }) => ({ name, address: dns.ip, port: dns.port }));
    const listener = await LyingSecondary.start();
    stops.push(() => listener.close());
    tellOf(listener, (zone, serial) => checker.notified(zone, serial, own).catch(() => {}));

    // known to us, and with something to pull, before they start: one that is refused comes again when it likes
    const places = await Promise.all(kinds.map(async (kind) => ({ kind, port: await freePort() })));
    await operator.query(
      `insert into secondaries (name, addresses)
       select name, array[address] from unnest($1::text[], $2::text[]) as new (name, address)`,
      [
        [...kinds, 'listener'],
        [...places.map(({ port }) => `127.0.0.1:${port}`), listener.address],
      ],
    );
    for (const server of own) await until(`${server.name} serves`, () => servesAll(checker, server, zones));
    const secondaries: Secondary[] = [];
    stops.push(() => Promise.all(secondaries.map((secondary) => secondary.stop())));
    await Promise.all(
      places.map(async ({ kind, port }, index) => {
        const primary = serving[index % serving.length];
        if (primary === undefined) throw new Error('secondaries need a process with the role transfer');
        secondaries.push(await startSecondary(kind, { primary: primary.dns, zones, port }));
      }),
    );
    for (const server of [...own, ...secondaries.map(asWatched)]) checker.watch(server);

    const stage: Stage = {
      ...{
        random,
        postgres,
        pool,
        operator,
        upstream,
        processes,
        secondaries,
        traffic,
        checker,
        folder,
        own,
      },
      anchors: new Map(),
      process: (name) => {
        const found = processes.find((process) => process.name === name);
        if (found === undefined) throw new Error(`no process ${name}`);
        return found;
      },
      revive: async () => {
        for (const process of processes) if (!process.running) process.start();
        await Promise.all(processes.map((process) => process.ready()));
      },
      settle: () => settle(stage),
      close,
    };
    await settle(stage);
    for (const { id } of traffic.plots) stage.anchors.set(id, await contentOf({ pool, operator }, id));
    return stage;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Calls `onNotify` for each NOTIFY that comes, before it is answered; it takes each version that it is told of. */
function tellOf(listener: LyingSecondary, onNotify: (zone: string, serial: number) => unknown): void {
  listener.follows = true;
  const reply = listener.server.reply;
  listener.server.reply = (received) => {
    if (received.serial !== undefined) onNotify(received.zone, received.serial);
    return reply(received);
  };
}

async function servesAll(checker: Checker, server: Watched, zones: readonly string[]): Promise<boolean> {
  for (const zone of zones) await checker.content(server, zone);
  return true;
}
