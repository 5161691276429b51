import { appendFile, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialise } from '../../src/embedded/server.ts';
import {
  copyData,
  findPrograms,
  firstValue,
  handOver,
  PASSWORD,
  type RunningPostgres,
  runPostgres,
  setSettings,
  urlOf,
} from './own-postgres.ts';
import { freePort } from './secondaries/ports.ts';
import { until } from './until.ts';

export const STANDBY_NAME = 'replica-1';

interface Running extends RunningPostgres {
  url: string;
}

/** A PostgreSQL and a hot standby that follows it, both real, for one test alone. */
export interface Replicated {
  primary: Running;
  standby: Running;
  /** Sets settings of the primary, without a restart. */
  set(settings: Record<string, string>): Promise<void>;
  stop(): Promise<void>;
}

/** `applyDelay`: how late the standby applies commits, as PostgreSQL writes it: `100ms`. */
export async function startReplicated(applyDelay: string): Promise<Replicated> {
  const programs = await findPrograms();
  const { account } = programs;
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-replicated-'));
  await handOver(folder, account);
  const data = join(folder, 'primary');
  await initialise({ ...programs, data, log: join(folder, 'log'), password: PASSWORD });
  const copy = join(folder, 'standby');
  await copyData(data, copy);
  const [port, standbyPort] = [await freePort(), await freePort()];
  const start = (from: string, at: number) => runPostgres(programs, from, at, { wal_keep_size: '512MB' });

  const primary = await start(data, port);
  await firstValue(urlOf(port, 'postgres'), 'create database zoneferry');
  const conninfo = `host=127.0.0.1 port=${port} user=zoneferry password=${PASSWORD} application_name=${STANDBY_NAME}`;
  await appendFile(
    join(copy, 'postgresql.auto.conf'),
    `primary_conninfo = '${conninfo}'\nrecovery_min_apply_delay = '${applyDelay}'\n`,
  );
  await writeFile(join(copy, 'standby.signal'), '');
  if (account) await chown(join(copy, 'standby.signal'), account.uid, account.gid);
  const standby = await start(copy, standbyPort);
  await until('the standby follows', async () =>
    firstValue(
      urlOf(standbyPort, 'zoneferry'),
      `select 1 from pg_stat_wal_receiver where status = 'streaming'`,
    ),
  );
  return {
    primary: { ...primary, url: urlOf(port, 'zoneferry') },
    standby: { ...standby, url: urlOf(standbyPort, 'zoneferry') },
    set: (settings) => setSettings(port, settings),
    stop: async () => {
      await standby.stop();
      await primary.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
