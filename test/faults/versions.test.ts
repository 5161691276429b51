/** Two versions side by side: a process that knows fewer steps of the schema than the database has, and one that knows more. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { until } from '../support/until.ts';
import { onStage } from './support/on-stage.ts';

const scenario = onStage(async () => ({
  processes: { old: ['transfer', 'worker', 'scheduler', 'api'], 'started-later': ['transfer', 'worker'] },
  secondaries: ['knot'],
}));
const FUTURE = '9999_of_the_next_release.sql';

scenario(
  'the database goes ahead: who runs goes on, who starts with fewer steps is refused in words',
  async (stage) => {
    const { postgres } = stage;
    const late = stage.process('started-later');
    await late.stop();
    // what a step of a next release may do beside processes of this one: add
    await postgres.admin('alter table zones add column of_the_next_release integer', 'zoneferry');
    await postgres.admin('alter table records add column of_the_next_release text', 'zoneferry');
    await postgres.admin(`insert into zoneferry_migrations (name) values ('${FUTURE}')`, 'zoneferry');
    try {
      late.start();
      await until('it has ended', async () => !late.running, { deadlineMs: 60_000 });
      expect(late.exit).toEqual({ status: 1, signal: null });
      expect(late.log()).toContain(
        `error: the database was migrated by a newer version (${FUTURE}): run that version, or restore a back-up`,
      );
      await pause(2_000);
      expect(stage.process('old').running).toBe(true);
    } finally {
      await postgres.admin(`delete from zoneferry_migrations where name = '${FUTURE}'`, 'zoneferry');
      await postgres.admin('alter table zones drop column of_the_next_release', 'zoneferry');
      await postgres.admin('alter table records drop column of_the_next_release', 'zoneferry');
    }
    return 1;
  },
);

scenario(
  'the database is behind: who starts makes the steps that miss, beside processes at work',
  async (stage) => {
    const late = stage.process('started-later');
    await late.stop();
    // a step that can be made twice stands for one that is new
    const again = '0122_vacuum_of_hot_tables.sql';
    await stage.postgres.admin(`delete from zoneferry_migrations where name = '${again}'`, 'zoneferry');
    late.start();
    await late.ready();
    expect(late.log()).toContain(again);
    return 1;
  },
);
