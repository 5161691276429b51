/** PostgreSQL stops, cuts connections, has none left, can't be written to, or waits for locks. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { OwnPostgres } from '../support/own-postgres.ts';
import { LONG } from './support/fault.ts';
import { onStage } from './support/on-stage.ts';
import type { Stage } from './support/stage.ts';

const PROCESSES = { whole: ['transfer', 'worker', 'scheduler', 'api'], 'transfer-b': ['transfer'] };
const scenario = onStage(async () => ({
  processes: PROCESSES,
  secondaries: LONG ? ['bind', 'nsd', 'knot', 'powerdns'] : ['bind', 'knot'],
  postgres: await OwnPostgres.start({ max_connections: '80', deadlock_timeout: '200ms' }),
}));
const TIMES = LONG ? 10 : 2;

/** Everybody's connections but that of the one who cuts. */
const cut = ({ postgres }: Stage) =>
  postgres.admin(
    `select count(pg_terminate_backend(pid)) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
  );

scenario('PostgreSQL stopped immediately, as by a power failure, and started again', async (stage) => {
  for (let time = 0; time < TIMES; time++) {
    await pause(stage.random.whole(200, 2_000));
    await stage.postgres.stop('SIGQUIT');
    await pause(stage.random.whole(0, 3_000));
    await stage.postgres.start();
  }
  return TIMES;
});

scenario('PostgreSQL restarted', async (stage) => {
  await pause(500);
  await stage.postgres.stop('SIGINT');
  await stage.postgres.start();
  return 1;
});

scenario('connections cut by pg_terminate_backend, all at once', async (stage) => {
  const times = TIMES * 4;
  for (let time = 0; time < times; time++) {
    await pause(stage.random.whole(0, 800));
    await cut(stage);
  }
  return times;
});

scenario('no connection left, and those that were are cut', async (stage) => {
  for (let time = 0; time < TIMES; time++) {
    const taken: pg.Client[] = [];
    await cut(stage);
    const end = performance.now() + 3_000;
    while (performance.now() < end) {
      const client = new pg.Client({ connectionString: stage.postgres.url, connectionTimeoutMillis: 2_000 });
      client.on('error', () => {});
      await client.connect().then(
        () => taken.push(client),
        () => pause(20),
      );
    }
    await Promise.all(taken.map((client) => client.end().catch(() => {})));
    await pause(stage.random.whole(500, 1_500));
  }
  return TIMES;
});

scenario('a fail-over to a server that can only be read, which is promoted later', async (stage) => {
  await pause(500);
  await stage.postgres.stop('SIGINT');
  await stage.postgres.startReadOnly();
  await pause(4_000);
  await stage.postgres.admin('select pg_promote()');
  return 1;
});

scenario('statements that hang: tables and rows locked by a client that does nothing', async (stage) => {
  const client = await stage.operator.connect();
  const locks = [
    'lock table records in access exclusive mode',
    'lock table zones in share mode',
    'select from zones for update',
    'lock table transfer_records, zone_changes in share mode',
    'select from alias_targets for update',
  ];
  try {
    for (const lock of locks) {
      await client.query('begin');
      await client.query({ text: lock });
      await pause(stage.random.whole(1_000, LONG ? 8_000 : 2_000));
      await client.query('rollback');
      await pause(300);
    }
  } finally {
    client.release(true);
  }
  return locks.length;
});
