import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { announceLooks } from '../../src/store/publication/announce.ts';
import { Cadence } from '../../src/sync/cadence.ts';
import { addRecord, addZone, testStore } from '../support/store.ts';
import { until } from '../support/until.ts';

describe('the cadence of looks', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('goes by hints while few come, by itself while many do, and back when edits are few', async () => {
    vi.useFakeTimers();
    const look = vi.fn();
    const announce = vi.fn(async () => {});
    const cadence = new Cadence({ look, announce });
    cadence.hinted();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([announce.mock.calls.length, look.mock.calls.length]).toEqual([0, 0]);
    for (let hint = 0; hint < 20; hint++) cadence.hinted();
    await vi.advanceTimersByTimeAsync(250);
    expect(announce).toHaveBeenCalledTimes(1);
    for (let turn = 0; turn < 20; turn++) {
      for (let find = 0; find < 5; find++) cadence.found();
      await vi.advanceTimersByTimeAsync(250);
    }
    expect(announce, 'announced again as long as much is found').toHaveBeenCalledTimes(21);
    expect(look.mock.calls.length).toBeGreaterThan(200);
    await vi.advanceTimersByTimeAsync(1_400);
    expect(cadence.looks, 'looks on for longer than was announced').toBe(true);
    await vi.advanceTimersByTimeAsync(600);
    expect(cadence.looks).toBe(false);
    expect(announce).toHaveBeenCalledTimes(21);
    expect(vi.getTimerCount(), 'nothing is left of it').toBe(0);
  });

  test('where the announcement fails it looks all the same', async () => {
    vi.useFakeTimers();
    const look = vi.fn();
    const cadence = new Cadence({ look, announce: () => Promise.reject(new Error('away')) });
    for (let hint = 0; hint < 20; hint++) cadence.hinted();
    await vi.advanceTimersByTimeAsync(500);
    expect(look).toHaveBeenCalled();
    cadence.stop();
  });
});

test('an edit sends a hint, but not while somebody looks; a time that is far ahead is not believed', async () => {
  const store = await testStore();
  const zoneId = await addZone(store, 'example.com.');
  const listener = new pg.Client({ connectionString: store.url });
  await listener.connect();
  let hints = 0;
  let last = '';
  listener.on('notification', ({ channel, payload }) => {
    if (channel === 'zoneferry_marks') hints++;
    else last = payload ?? '';
  });
  await listener.query('listen zoneferry_marks; listen behind');
  /** Hints of one edit: whatever it sent comes before a notification sent after it. */
  const hintsOf = async (name: string) => {
    const before = hints;
    await addRecord(store, zoneId, `${name}.example.com.`, 'A', '192.0.2.1');
    await store.operator.query(`select pg_notify('behind', $1)`, [name]);
    await until('the one behind it', async () => last === name);
    return hints - before;
  };
  expect(await hintsOf('a')).toBe(1);
  await announceLooks(store.pool, 1_900);
  expect(await hintsOf('b')).toBe(0);
  await until('its time is over', async () => (await hintsOf(`c${Math.random()}`)) === 1, { everyMs: 300 });
  await announceLooks(store.pool, 3_600_000);
  expect(await hintsOf('d')).toBe(1);
  await listener.end();
  await store.close();
});
