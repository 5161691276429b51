import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { removeEmbedded, startEmbedded } from '../../src/embedded/index.ts';
import { redisInstalled, TestRedis } from '../../test/support/redis.ts';
import type { Secondary } from '../../test/support/secondaries/index.ts';
import { type Service, startService } from '../../test/support/service.ts';
import { until } from '../../test/support/until.ts';
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
}

/** Everything at work: database, queue, service, resolver and real secondaries, which have all their zones. */
export interface Stage {
  pool: pg.Pool;
  laid: Laid;
  upstream: Upstream;
  service: Service;
  redis: TestRedis | undefined;
  secondaries: { server: Secondary; share: number }[];
  /** Whether the service still runs. */
  close(): Promise<void>;
}

const LOADING_MS = 15 * 60_000;

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
    const pool = new pg.Pool({ connectionString: database.url, max: 40, application_name: 'soak' });
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
        ...(redis ? { REDIS_URL: redis.url } : {}),
        ...options.settings,
      },
    });
    ends.push(() => service.stop());
    say(`laying ${options.zones} zones`);
    const laid = await layZones(pool, upstream, options.zones);
    await until('all zones are published with their targets', async () => (await unpublished(pool)) === 0, {
      deadlineMs: LOADING_MS,
      everyMs: 1_000,
      explain: () => service.log().slice(-2_000),
    });
    const secondaries = await startSecondaries(pool, service, laid, options.shares, say, (end) =>
      ends.push(end),
    );
    say('waiting for the secondaries to have all zones');
    let last = -1;
    await until(
      'all secondaries have all zones',
      async () => {
        const { rows } = await pool.query(
          'select count(*)::integer as left from notifications n left join convergence c using (zone_id, secondary_id) where c.serving_at is null or c.serial <> n.serial',
        );
        if (rows[0].left !== last) say(`${rows[0].left} left`);
        last = rows[0].left;
        return last === 0;
      },
      { deadlineMs: LOADING_MS, everyMs: 5_000, explain: () => service.log().slice(-2_000) },
    );
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
