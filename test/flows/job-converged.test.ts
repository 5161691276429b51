import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPool, type Pool } from '../../src/store/pool.ts';
import { type Ask, asker } from '../http/support.ts';
import { LyingSecondary } from '../notify/lying-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/until.ts';

const ZONE = 'example.com.';
let house: House;
let ns1: LyingSecondary;
let ask: Ask;
let pool: Pool;

beforeEach(async () => {
  ns1 = await LyingSecondary.start();
  ns1.contents.set(`${ZONE} NS`, [`ns1.${ZONE}`]);
  house = await openHouse();
  ask = asker(house.http);
  pool = createPool(house.databaseUrl);
  await house.operator.query(`insert into secondaries (name, addresses) values ('ns1', $1)`, [[ns1.address]]);
  await house.zone(ZONE);
  await until('a first version', async () => (await house.serial(ZONE)) >= 1);
});

afterEach(async () => {
  await pool.end();
  await house.close();
  await ns1.close();
});

async function job(data: object) {
  const { status, body } = await ask('POST', '/v1/resyncs', data);
  expect({ status, body }).toMatchObject({ status: 202 });
  return body.data.job.id as string;
}

/** The secondary serves it from now on, and is looked at soon. */
async function mend(): Promise<void> {
  ns1.follows = true;
  await until(
    'it is looked at',
    async () => {
      await pool.query('update convergence set next_check_at = now() where next_check_at is not null');
      const { rows } = await pool.query('select from convergence where serving_at is not null');
      return rows.length > 0;
    },
    { everyMs: 500 },
  );
}

const read = async (id: string) => (await ask('GET', `/v1/jobs/${id}`)).body.data;

test('a job with converged waits for the secondary, and says that all serve it', async () => {
  const id = await job({ zones: [ZONE], converged: true });
  await until('it waits', async () => (await read(id)).progress?.phase === 'converge');
  expect((await read(id)).progress).toEqual({ phase: 'converge', done: 0, total: 1 });
  await mend();
  const done = await until('it ends', async () => {
    const record = await read(id);
    return record.state === 'completed' && record;
  });
  expect(done.result.served).toEqual({ converged: true, notConverged: 0, missing: [] });
});

test('when its time is over it names who does not serve it, and why', async () => {
  const id = await job({ converged: true, within: 1 });
  const done = await until('it ends', async () => {
    const record = await read(id);
    return record.state === 'completed' && record;
  });
  expect(done.result.served).toMatchObject({ converged: false, notConverged: 1 });
  const [missing] = done.result.served.missing;
  expect(missing).toMatchObject({ secondary: 'ns1', zone: ZONE, serial: 1 });
  expect(missing.state).toMatch(/^(refusing|converging|silent)$/);
  expect(missing.words).not.toBe('');
  // without it nothing is said of secondaries
  const plain = await job({});
  const result = await until('it ends', async () => (await read(plain)).result ?? false);
  expect(result).not.toHaveProperty('served');
});

test('jobs that wait leave places for others', async () => {
  const waiting: string[] = [];
  for (let number = 0; number < 12; number++) waiting.push(await job({ converged: true, within: 3_600 }));
  // four of them find no place to wait in
  await until('those beyond eight end', async () => {
    const states = await Promise.all(waiting.map(async (id) => (await read(id)).state));
    return states.filter((state) => state === 'completed').length === 4;
  });
  const other = await job({ zones: [ZONE] });
  await until('another ends', async () => (await read(other)).state === 'completed');
  await mend();
  await until('all end', async () => {
    const records = await Promise.all(waiting.map(read));
    return records.every(({ state }) => state === 'completed');
  });
}, 60_000);

test.each([
  [{ within: 5 }, 422, /^within: /],
  [{ converged: 'yes' }, 400, /^converged: /],
  [{ converged: true, within: 0 }, 422, /^within: /],
])('%j is refused', async (data, status, message) => {
  const got = await ask('POST', '/v1/resyncs', data);
  expect(got.status).toBe(status);
  expect(got.body.error.message).toMatch(message);
});
