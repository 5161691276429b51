import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { startSchedule } from '../../src/sync/schedule.ts';
import { until } from '../support/until.ts';

afterEach(() => vi.useRealTimers());

test('each tick adds once under the second that was meant, the same in every process', async () => {
  const [one, two] = [new Ticks(), new Ticks()];
  const schedules = await Promise.all(
    [one, two].map((ticks) => startSchedule('* * * * * *', ticks, { clock: systemClock, log: silentLog })),
  );
  await until('both have ticked', async () => Math.min(one.names.length, two.names.length) >= 3);
  await Promise.all(schedules.map((schedule) => schedule.stop()));
  const both = Math.min(one.names.length, two.names.length);
  expect(two.names.slice(0, both)).toEqual(one.names.slice(0, both));
  expect(new Set(one.names).size).toBe(one.names.length);
  expect(one.names.every((name) => name.endsWith('.000Z'))).toBe(true);
  const count = one.names.length;
  await sleep(1_200);
  expect(one.names).toHaveLength(count);
});

test('a queue that fails costs its tick alone', async () => {
  let calls = 0;
  const queue = {
    async addScheduled() {
      calls++;
      throw new Error('away');
    },
  };
  const schedule = await startSchedule('* * * * * *', queue, { clock: systemClock, log: silentLog });
  await until('it is called again', async () => calls >= 2);
  await schedule.stop();
});

test('a clock that is set back by hours: its ticks come again at once, under names of their own', async () => {
  setClock('2026-03-04T12:00:00.500Z');
  const ticks = new Ticks();
  const schedule = await startSchedule('* * * * * *', ticks, { clock: systemClock, log: silentLog });
  await sleep(600);
  setClock('2026-03-04T12:00:01.100Z');
  await until('a tick', async () => ticks.names.length === 1);
  setClock('2026-03-04T09:00:00.100Z');
  // a look has to see it stand there, before it is a second later
  await sleep(1_100);
  setClock('2026-03-04T09:00:01.200Z');
  await until('a tick of then', async () => ticks.names.length === 2);
  setClock('2026-03-04T12:00:02.000Z');
  await until('one of what was passed over', async () => ticks.names.length === 3);
  await sleep(1_100);
  setClock('2026-03-04T12:00:03.000Z');
  await until('one of a new time', async () => ticks.names.length === 4);
  await schedule.stop();
  expect(ticks.names).toEqual([
    '2026-03-04T12:00:01.000Z',
    '2026-03-04T09:00:01.000Z round 1',
    '2026-03-04T09:00:02.000Z round 1',
    '2026-03-04T12:00:03.000Z',
  ]);
});

test('a clock that is set forward by years: one tick for all that was passed over', async () => {
  setClock('2026-03-04T12:00:00.500Z');
  const ticks = new Ticks();
  const schedule = await startSchedule('* * * * * *', ticks, { clock: systemClock, log: silentLog });
  setClock('2029-03-04T12:00:00.500Z');
  await until('a tick', async () => ticks.names.length === 1);
  await sleep(1_100);
  setClock('2029-03-04T12:00:01.500Z');
  await until('another', async () => ticks.names.length === 2);
  await schedule.stop();
  expect(ticks.names).toEqual(['2026-03-04T12:00:01.000Z', '2029-03-04T12:00:01.000Z']);
});

/** Has the clock stand at a time, while timers go on. */
function setClock(time: string): void {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(time) });
}

class Ticks {
  readonly names: string[] = [];
  async addScheduled(tick: Date, round: number): Promise<undefined> {
    this.names.push(`${tick.toISOString()}${round > 0 ? ` round ${round}` : ''}`);
  }
}
