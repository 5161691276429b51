import {
  freePort,
  installedKinds,
  type Secondary,
  type SecondaryKind,
  startSecondary,
} from '../support/secondaries/index.ts';
import type { Service } from '../support/service.ts';
import type { SystemPostgres } from '../support/system-postgres.ts';
import { until } from '../support/until.ts';

/** The parts of the drills of docs/operations.md. */

/** Registers and starts one secondary of each kind there is; those that sign go by `key`, where there is one. */
export function registerAll(
  service: Service,
  key: string | undefined,
  onStop: (stop: () => Promise<unknown>) => unknown,
  kinds: readonly SecondaryKind[] = installedKinds(),
): Promise<Secondary[]> {
  return Promise.all(
    kinds.map(async (kind) => {
      const port = await freePort();
      const keyed = key !== undefined && signs(kind) ? ['--key', key] : [];
      await service.cli('secondary', 'add', kind, '--address', `127.0.0.1:${port}`, ...keyed);
      const config = await service.cli('secondary', 'config', kind, '--for', kind);
      const secondary = await startSecondary(kind, { primary: service.dns, zones: [], port, config });
      onStop(() => secondary.stop());
      return secondary;
    }),
  );
}

/** Whether a secondary of this kind is given a key in the drills: some are, and some are not. */
export function signs(kind: SecondaryKind): boolean {
  return kind === 'bind' || kind === 'knot';
}

/** Backs a database up, as the docs say. */
export async function dump(postgres: SystemPostgres, database: string, file: string): Promise<void> {
  await postgres.program('pg_dump', '--exclude-schema=bullmq', '--file', file, postgres.url(database));
}

/** Restores that into a new database, as the docs say. */
export async function restore(postgres: SystemPostgres, file: string, database: string): Promise<void> {
  await postgres.program('createdb', '--maintenance-db', postgres.url('postgres'), database);
  await postgres.program(
    'psql',
    '--quiet',
    '--set',
    'ON_ERROR_STOP=1',
    '--single-transaction',
    '--file',
    file,
    postgres.url(database),
  );
}

/** Waits until this holds of each of them. */
export async function all(
  secondaries: readonly Secondary[],
  what: string,
  holds: (one: Secondary) => Promise<boolean>,
  service?: Service,
): Promise<void> {
  for (const one of secondaries)
    await until(`${one.kind}: ${what}`, () => holds(one), {
      deadlineMs: 90_000,
      everyMs: 100,
      explain: () => `${one.log().split('\n').slice(-10).join('\n')}\n${service?.log().slice(-3_000) ?? ''}`,
    });
}
