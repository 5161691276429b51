import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { startSchedule } from '../../src/sync/schedule.ts';

test('each tick adds once under the second that was meant, the same in every process', async () => {
  const [one, two] = [new Ticks(), new Ticks()];
  const schedules = await Promise.all(
    [one, two].map((ticks) => startSchedule('* * * * * *', ticks, silentLog)),
  );
  await sleep(3_200);
  await Promise.all(schedules.map((schedule) => schedule.stop()));
  expect(one.times.length).toBeGreaterThanOrEqual(3);
  expect(two.times).toEqual(one.times);
  expect(new Set(one.times).size).toBe(one.times.length);
  expect(one.times.every((time) => time.endsWith('.000Z'))).toBe(true);
  const count = one.times.length;
  await sleep(1_200);
  expect(one.times).toHaveLength(count);
});

test('a queue that fails costs its tick alone', async () => {
  let calls = 0;
  const queue = {
    async addScheduled() {
      calls++;
      throw new Error('away');
    },
  };
  const schedule = await startSchedule('* * * * * *', queue, silentLog);
  await sleep(2_200);
  await schedule.stop();
  expect(calls).toBeGreaterThanOrEqual(2);
});

class Ticks {
  readonly times: string[] = [];
  async addScheduled(tick: Date): Promise<undefined> {
    this.times.push(tick.toISOString());
  }
}
