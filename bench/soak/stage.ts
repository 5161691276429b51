import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { removeEmbedded, startEmbedded } from '../../src/embedded/index.ts';
import { redisInstalled, TestRedis } from '../../test/support/redis.ts';
import type { Secondary } from '../../test/support/secondaries/index.ts';
import { type Service, startService } from '../../test/support/service.ts';
import { Upstream } from '../../test/support/upstream.ts';
import { startSecondaries } from './secondaries.ts';
import { type Laid, layZones, targetName } from './zones.ts';

export interface StageOptions {
  zones: number;
  /** How many of the zones each kind of secondary has; those with none are not started. */
  shares: Record<string, number>;
  /** Settings of the service beside those of the run. */
  settings: Record<string, string>;
  /** Redis where it is installed, else PostgreSQL has the queue. */
  redis: boolean;
  say(text: string): void;
  /** Ends the setting up. */
  signal: AbortSignal;
}

/** Everything at work: database, queue, service, resolver and real secondaries, which have all their zones. */
export interface Stage {
  pool: pg.Pool;
  laid: Laid;
  upstream: Upstream;
  service: Service;
  redis: TestRedis | undefined;
  secondaries: { server: Secondary; share: number }[];
  /** Ends all of it and removes its files. */
  close(): Promise<void>;
}

const STUCK_MS = 10 * 60_000;

/** Sets it all up; what was started is ended again where that fails. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const { say } = options;
  const ends: (() => unknown)[] = [];
  const close = async () => {
    for (const end of ends.splice(0).reverse())
      try {
        await end();
      } catch (error) {
        say(`at the end: ${error instanceof Error ? error.message : String(error)}`);
      }
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-soak-'));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o711);
    const own = join(folder, 'ours');
    await mkdir(own);
    await chmod(own, 0o711);
    const database = await startEmbedded(own);
    ends.push(async () => {
      await database.leave();
      await removeEmbedded(own);
    });
    const pool = new pg.Pool({ connectionString: database.url, max: 20, application_name: 'soak' });
    pool.on('error', () => {});
    ends.push(() => pool.end());
    const redis = options.redis && redisInstalled ? await TestRedis.start() : undefined;
    if (redis) ends.push(() => redis.stop());
    const upstream = await Upstream.start();
    ends.push(() => upstream.close());
    const service = await startService({
      databaseUrl: database.url,
      resolver: upstream.endpoint,
      settings: {
        LOG_LEVEL: 'warn',
        NOTIFY_RATE: '10000',
        REFRESH_MIN: '5',
        // all four stand behind one address
        DNS_CONNECTIONS: '4000',
        DNS_CONNECTIONS_PER_ADDRESS: '3000',
        ...(redis ? { REDIS_URL: redis.url } : {}),
        ...options.settings,
      },
    });
    ends.push(() => service.stop());
    say(`laying ${options.zones} zones`);
    const laid = await layZones(pool, upstream, options.zones);
    const none = (what: string, left: () => Promise<number>) => untilNone(what, left, service, options);
    await none('zones, marks and targets that are not published', () => unpublished(pool));
    const secondaries = await startSecondaries({
      pool,
      service,
      laid,
      shares: options.shares,
      say,
      onEnd: (end) => ends.push(end),
      // one after another: the load of four that begin at once is another matter
      settled: (kind) => none(`zones that ${kind} is not seen to serve`, () => unseen(pool)),
    });
    await pool.query('vacuum analyze');
    return { pool, laid, upstream, service, redis, secondaries, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function unpublished(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query(
    `select (select count(*) from zones where published_serial is null) + (select count(*) from zone_marks)
       + (select count(*) from alias_targets where not answered and name like $1) as left`,
    [`%${targetName(0).slice(targetName(0).indexOf('.'))}`],
  );
  return Number(rows[0].left);
}

async function unseen(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query(
    `select count(*) as left from zones z join secondaries s on zoneferry_may_have(s, z) where not exists (
       select from convergence c where c.zone_id = z.id and c.secondary_id = s.id and c.serial = z.published_serial and c.serving_at is not null)`,
  );
  return Number(rows[0].left);
}

/** Waits until none is left, and says how many are; an error where none has gone for ten minutes, or the run is ended. */
async function untilNone(
  what: string,
  left: () => Promise<number>,
  service: Service,
  { say, signal }: StageOptions,
): Promise<void> {
  let last = Number.POSITIVE_INFINITY;
  let since = performance.now();
  for (;;) {
    const now = await left();
    if (now === 0) return;
    if (now < last) {
      say(`${now} ${what}`);
      last = now;
      since = performance.now();
    } else if (performance.now() - since > STUCK_MS)
      throw new Error(`${now} ${what} for ten minutes\n${service.log().slice(-2_000)}`);
    await sleep(5_000, undefined, { signal });
  }
}
