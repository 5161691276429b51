/** Two versions side by side: a process that knows fewer steps of the schema than the database has, and one that knows more. */
import { expect } from 'vitest';
import { until } from '../support/until.ts';
import { onStage } from './support/on-stage.ts';
import { makeRelease } from './support/release.ts';

const scenario = onStage(async () => ({
  processes: { old: ['transfer', 'worker', 'scheduler', 'api'], 'started-later': ['transfer', 'worker'] },
  secondaries: ['knot'],
}));
const FUTURE = '9999_of_the_next_release.sql';

scenario(
  'the database goes ahead: who runs says so and goes on, who starts with fewer steps is refused in words',
  async (stage) => {
    const { postgres } = stage;
    const old = stage.process('old');
    const late = stage.process('started-later');
    await late.stop();
    const next = await makeRelease({
      [FUTURE]:
        'alter table zones add column of_the_next_release integer; alter table records add column of_the_next_release text;',
    });
    try {
      late.bin = next.bin;
      late.start();
      await late.ready();
      const status = () => next.run(['status', '--json'], old.settings);
      await until('the one of before has noticed', async () => {
        const { processes } = JSON.parse(await status());
        return processes.some((one: { unknownSteps: string[] }) => one.unknownSteps.includes(FUTURE));
      });
      expect(old.log().split(`migrated by a newer version (${FUTURE}); this process goes on`)).toHaveLength(
        2,
      );
      await late.stop();
      late.bin = undefined;
      late.start();
      await until('it has ended', async () => !late.running, { deadlineMs: 60_000 });
      expect(late.exit).toEqual({ status: 1, signal: null });
      expect(late.log()).toContain(
        `error: the database was migrated by a newer version (${FUTURE}): run that version, or restore a back-up`,
      );
      expect(old.running).toBe(true);
    } finally {
      late.bin = undefined;
      await next.remove();
      await postgres.admin(`delete from zoneferry_migrations where name = '${FUTURE}'`, 'zoneferry');
      await postgres.admin('alter table zones drop column if exists of_the_next_release', 'zoneferry');
      await postgres.admin('alter table records drop column if exists of_the_next_release', 'zoneferry');
    }
    return 1;
  },
);

scenario(
  'a step that stands alone: refused beside processes of before, who end where it is forced',
  async (stage) => {
    const { postgres } = stage;
    const old = stage.process('old');
    const late = stage.process('started-later');
    await late.stop();
    const next = await makeRelease({ [FUTURE]: '-- stands alone: zones are read otherwise\n\nselect 1;' });
    try {
      late.bin = next.bin;
      late.start();
      await until('it has ended', async () => !late.running, { deadlineMs: 60_000 });
      expect(late.exit).toEqual({ status: 1, signal: null });
      expect(late.log()).toMatch(
        new RegExp(`error: step ${FUTURE} stands alone \\(zones are read otherwise\\), .* pid ${old.pid} `),
      );
      expect(old.running).toBe(true);
      await postgres.admin(
        `insert into zoneferry_migrations (name, stands_alone) values ('${FUTURE}', 'zones are read otherwise')`,
        'zoneferry',
      );
      await until('the one of before has ended', async () => !old.running, { deadlineMs: 60_000 });
      expect(old.exit).toEqual({ status: 1, signal: null });
      expect(old.log()).toContain(
        `error: the database was migrated by a newer version, and its step ${FUTURE}`,
      );
      await postgres.admin(`delete from zoneferry_migrations where name = '${FUTURE}'`, 'zoneferry');
      // nobody of before is there any more: one that died is waited for
      late.start();
      await late.ready();
      expect(late.log()).toContain(`database migrated: ${FUTURE}`);
      await late.stop();
    } finally {
      late.bin = undefined;
      await next.remove();
      await postgres.admin(`delete from zoneferry_migrations where name = '${FUTURE}'`, 'zoneferry');
      await stage.revive();
    }
    return 2;
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
