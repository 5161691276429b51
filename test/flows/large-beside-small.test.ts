import { afterEach, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/until.ts';

let house: House;
afterEach(() => house.close());

test('a large zone that is being published does not keep the edits of others waiting', async () => {
  house = await openHouse();
  await house.zone('small.test.');
  await house.publishes('small.test.', 'NS', ['ns1.small.test.']);
  const large = await house.zone('large.test.');
  await house.publishes('large.test.', 'NS', ['ns1.large.test.']);
  await house.operator.query(
    `insert into records (zone_id, name, type, content)
     select $1, 'h' || n || '.large.test.', 'A', '192.0.2.1' from generate_series(1, 50000) as n`,
    [large],
  );
  const start = performance.now();
  const waits: number[] = [];
  for (let count = 0; (await house.serial('large.test.')) === 1; count++) {
    const edited = performance.now();
    await house.operator.query(
      `insert into records (zone_id, name, type, content) select id, $1, 'A', '192.0.2.2' from zones where name = 'small.test.'`,
      [`s${count}.small.test.`],
    );
    await house.publishes(`s${count}.small.test.`, 'A', ['192.0.2.2']);
    waits.push(performance.now() - edited);
  }
  await until('the large one too', async () => (await house.serial('large.test.')) === 2);
  const took = performance.now() - start;
  expect(waits.length).toBeGreaterThan(1);
  expect(Math.max(...waits)).toBeLessThan(Math.max(1_000, took / 2));
});
