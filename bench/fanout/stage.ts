import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { removeEmbedded, startEmbedded } from '../../src/embedded/index.ts';
import { silentLog } from '../../src/log.ts';
import { Hints } from '../../src/store/hints.ts';
import { writeLooks } from '../../src/store/looks.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createPool, type Pool } from '../../src/store/pool.ts';
import { Publisher } from '../../src/sync/publisher.ts';

/** The target that every zone's apex follows: somebody else's, or a name of a zone of ours. */
const TARGET = 'cdn.example.net.';
const OWN_TARGET = 'cdn.own.test.';

/** A PostgreSQL of the benchmark's own, with zones of three records that all follow one target. */
export interface Stage {
  url: string;
  /** As the service has it. */
  pool: Pool;
  /** As an operator's platform has it. */
  operator: pg.Pool;
  /** Publishes until it is stopped. */
  publisher(): Promise<() => Promise<void>>;
  /**
   * Has a target, by default the one of all, answer this address: what a look that found it writes; of a target of our own, an edit by SQL.
   */
  move(address: string, target?: string): Promise<void>;
  /** Marks that wait to be published. */
  waiting(): Promise<boolean>;
  close(): Promise<void>;
}

/** The name of the zone of that number. */
export function zoneName(number: number): string {
  return `z${String(number).padStart(7, '0')}.test.`;
}

/** Fills the database; `secondary`: where NOTIFY goes to; `own`: the target of all is a name of ours. */
export async function openStage(zones: number, secondary: string, own = false): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-'));
  await chmod(folder, 0o711);
  const database = await startEmbedded(folder);
  const pool = createPool(database.url);
  await migrate(pool);
  const operator = new pg.Pool({ connectionString: database.url, max: 4 });
  const stage: Stage = {
    url: database.url,
    pool,
    operator,
    publisher: async () => {
      const hints = new Hints(database.url, () => {});
      hints.start();
      const publisher = new Publisher({
        pool,
        hints,
        clock: { now: Date.now },
        log: silentLog,
        serialPolicy: 'increment',
      });
      publisher.start();
      return async () => {
        await publisher.stop();
        await hints.stop();
      };
    },
    move: async (address, target) => {
      if (own && target === undefined) {
        await operator.query(
          `update records set content = $2 where zone_id = (select id from zones where name = 'own.test.') and owner = $1 and type = 'A'`,
          [OWN_TARGET, address],
        );
        return;
      }
      await writeLooks(pool, [
        {
          name: target ?? TARGET,
          decide: (before) => ({
            state: { ...before, answered: true, a: { ...before.a, addresses: [address], ttl: 60 } },
            changed: true,
            changedFor: { stable: true, exact: true, fallback: true },
            news: [],
            at: 0,
            dueAt: 86_400_000,
          }),
        },
      ]);
    },
    waiting: async () => {
      const { rows } = await operator.query('select exists (select from zone_marks) as waiting');
      return rows[0].waiting;
    },
    close: async () => {
      await operator.end();
      await pool.end();
      await database.leave();
      await removeEmbedded(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
  await operator.query(`insert into secondaries (name, addresses) values ('bench', $1)`, [[secondary]]);
  if (own)
    await operator.query(
      `with z as (insert into zones (name, primary_ns, contact) values ('own.test.', 'ns1.own.test.', 'h.own.test.') returning id)
       insert into records (zone_id, name, type, content)
       select id, name, type, content from z, (values ('own.test.', 'NS', 'ns1.own.test.'), ($1, 'A', '198.51.100.0')) as r (name, type, content)`,
      [OWN_TARGET],
    );
  await fill(stage, zones, own ? OWN_TARGET : TARGET);
  return stage;
}

async function fill(stage: Stage, zones: number, target: string): Promise<void> {
  for (let from = 0; from < zones; from += 10_000) {
    const to = Math.min(zones, from + 10_000);
    await stage.operator.query(
      `with made as (
         insert into zones (name, primary_ns, contact)
         select name, 'ns1.' || name, 'hostmaster.' || name
         from (select 'z' || lpad(n::text, 7, '0') || '.test.' as name from generate_series($1::integer, $2::integer) as n) as names
         returning id, name)
       insert into records (zone_id, name, type, content)
       select id, owner, type, content from made cross join lateral (values
         (name, 'NS', 'ns1.' || name), ('www.' || name, 'A', '192.0.2.1'), (name, 'ALIAS', $3)) as r (owner, type, content)`,
      [from, to - 1, target],
    );
    process.stderr.write(`${to} zones written\n`);
  }
  const stop = await stage.publisher();
  try {
    await settled(stage);
    await stage.move('198.51.100.1');
    await settled(stage);
  } finally {
    await stop();
  }
  await stage.operator.query('vacuum analyze');
  process.stderr.write(`${zones} zones published\n`);
}

/** Waits until nothing is marked any more. */
export async function settled(stage: Stage): Promise<void> {
  while (await stage.waiting()) await sleep(5);
}
