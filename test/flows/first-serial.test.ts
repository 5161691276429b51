import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LyingSecondary } from '../notify/lying-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/until.ts';

const ZONE = 'example.com.';
const WWW = 'www.example.com.';

/** A restore from back-up: the secondaries hold serials that the database has never heard of. */
describe('the first new serial of a zone after a start', () => {
  let house: House;
  let ns1: LyingSecondary;

  beforeEach(async () => {
    house = await openHouse();
    ns1 = await LyingSecondary.start();
    ns1.contents.set(`${ZONE} NS`, [`ns1.${ZONE}`]);
    ns1.serials.set(ZONE, 1);
    await house.zone(ZONE, [[WWW, 'A', '192.0.2.1']]);
    await until('a first version', async () => (await house.serial(ZONE)) === 1);
    await house.operator.query(`insert into secondaries (name, addresses) values ('ns1', $1)`, [
      [ns1.address],
    ]);
  });

  afterEach(async () => {
    await house.close();
    await ns1.close();
  });

  test('goes past what secondaries hold, though they were never ahead before', async () => {
    ns1.notifyRcode = undefined;
    ns1.serials.set(ZONE, 7);
    await house.operator.query(`update records set content = '192.0.2.2' where name = $1`, [WWW]);
    await house.publishes(WWW, 'A', ['192.0.2.2']);
    expect(await house.serial(ZONE)).toBe(8);
    const { rows } = await house.operator.query('select to_serial from zone_changes order by created_at');
    expect(rows.map((row) => Number(row.to_serial))).toEqual([8]);
  });

  test('does not wait for one that is silent, and not at all for the next', async () => {
    ns1.notifyRcode = undefined;
    ns1.queryRcode = undefined;
    for (const address of ['192.0.2.2', '192.0.2.3']) {
      await house.operator.query(`update records set content = $2 where name = $1`, [WWW, address]);
      await house.publishes(WWW, 'A', [address]);
    }
    expect(await house.serial(ZONE)).toBe(3);
    const { rows } = await house.operator.query('select from serial_questions');
    expect(rows).toEqual([]);
  });
});
