import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LyingSecondary } from '../notify/lying-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { axfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const ZONES = [1, 2, 3, 4, 5].map((number) => `z${number}.test.`);
let house: House;
let bounded: LyingSecondary;
let free: LyingSecondary;

beforeEach(async () => {
  bounded = await LyingSecondary.start();
  free = await LyingSecondary.start();
  house = await openHouse();
});

afterEach(async () => {
  await house.close();
  await bounded.close();
  await free.close();
});

const toldOf = (secondary: LyingSecondary) => [...new Set(secondary.server.received.map(({ zone }) => zone))];

test('no more zones are on their way to a secondary than --max-transfers says: the others wait until one has arrived', async () => {
  // both have the same address to transfer from: what one takes must not count for the other
  await house.operator.query(
    `insert into secondaries (name, addresses, max_transfers, check_addresses) values ('bounded', $1, 2, $1), ('free', $2, null, '{}')`,
    [[bounded.address], [free.address]],
  );
  for (const zone of ZONES) await house.zone(zone);
  await until('the free one is told of all', async () => toldOf(free).length === ZONES.length);
  await until('the bounded one is told of two', async () => toldOf(bounded).length >= 2);
  // they answered, and were not seen anywhere yet
  await pause(1_500);
  expect(toldOf(bounded)).toHaveLength(2);
  const arrived = new Set<string>();
  while (arrived.size < ZONES.length) {
    const next = toldOf(bounded).find((zone) => !arrived.has(zone)) ?? '';
    const before = toldOf(bounded).length;
    expect((await axfr({ ...house.dns, zone: next })).result.kind).toBe('axfr');
    bounded.serials.set(next, 1);
    bounded.contents.set(`${next} NS`, [`ns1.${next}`]);
    arrived.add(next);
    await until('the next is told', async () => {
      const told = toldOf(bounded).length;
      return told === Math.min(ZONES.length, arrived.size + 2) && (told > before || told === ZONES.length);
    });
    expect(toldOf(bounded).length - arrived.size).toBeLessThanOrEqual(2);
  }
});
