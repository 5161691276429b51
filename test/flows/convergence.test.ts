import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readHistory, readStanding } from '../../src/store/ledger/states.ts';
import { createPool, type Pool } from '../../src/store/pool.ts';
import { type Convergence, inWords } from '../../src/zone/convergence.ts';
import { LyingSecondary } from '../notify/lying-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { axfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const ZONE = 'example.com.';
const WWW = 'www.example.com.';

describe('whether a secondary serves what it was told of', () => {
  let house: House;
  let pool: Pool;
  let ns1: LyingSecondary;

  beforeEach(async () => {
    house = await openHouse();
    pool = createPool(house.databaseUrl);
    ns1 = await LyingSecondary.start();
  });

  afterEach(async () => {
    await pool.end();
    await house.close();
    await ns1.close();
  });

  test('converged: seen at or past our serial, and what changed is there', async () => {
    ns1.follows = true;
    ns1.contents.set(`${ZONE} NS`, [`ns1.${ZONE}`]);
    await begin();
    await stands('converged');
    ns1.contents.set(`${WWW} A`, ['192.0.2.2']);
    await house.operator.query(`update records set content = '192.0.2.2' where name = $1`, [WWW]);
    const row = await until('serial 2 is seen', async () => {
      const [one] = (await standing()).rows;
      return one?.serial === 2 && one.state === 'converged' && one;
    });
    expect(row).toMatchObject({ shown: 2, highest: 2, rcode: 0, differs: null, served: null });
    expect(row.checkedAt).toBeInstanceOf(Date);
    expect(row.servingAt!.getTime()).toBeGreaterThanOrEqual(row.committedAt.getTime());
    expect(inWords(row, Date.now())).toMatch(/^serves 2, seen .+ after the change, content compared$/);
    const { rows } = await house.operator.query('select id from zones');
    const history = await readHistory(pool, { zoneId: rows[0].id, limit: 10 });
    expect(history).toMatchObject([{ serial: 2 }, { serial: 1 }]);
  });

  test('an answered NOTIFY proves nothing: told again, lagging after a minute, converged once it is mended', async () => {
    await begin();
    ns1.serials.set(ZONE, 0);
    await stands('converging');
    const told = ns1.told;
    await makeDue(3);
    await until('another NOTIFY', async () => ns1.told > told);
    await pool.query(
      `update convergence set notified_at = now() - interval '2 minutes', committed_at = now() - interval '2 minutes'`,
    );
    const row = await stands('lagging');
    expect(inWords(row, Date.now())).toMatch(
      /^since .+: answered NOTIFY .+ ago and did not ask; showed 0 .+ ago$/,
    );
    ns1.serials.set(ZONE, 1);
    ns1.contents.set(`${ZONE} NS`, [`ns1.${ZONE}`]);
    // a transfer that it makes brings the look forward, however long it would wait
    await pool.query(`update convergence set next_check_at = now() + interval '1 hour'`);
    await axfr({ ...house.dns, zone: ZONE });
    await stands('converged');
    const served = await until(
      'the transfer is written down',
      async () => (await standing()).rows[0]?.served ?? false,
    );
    expect(served).toMatchObject({ kind: 'AXFR' });
    expect(served.bytes).toBeGreaterThan(50);
  });

  test('refusing: the rcode and the likely cause, of NOTIFY', async () => {
    ns1.notifyRcode = 9;
    await begin();
    const row = await stands('refusing');
    expect(inWords(row, Date.now())).toBe(
      'answers NOTIFY with NOTAUTH: it does not have the zone as a secondary, or does not know the key',
    );
  });

  test('refusing: the rcode and the likely cause, of a query', async () => {
    await begin();
    await makeDue(1);
    const row = await stands('refusing');
    expect(inWords(row, Date.now())).toMatch(
      /^127.0.0.1:\d+ answers SOA with REFUSED: it does not have the zone, or/,
    );
  });

  test('silent: neither NOTIFY nor a query is answered', async () => {
    ns1.notifyRcode = undefined;
    ns1.queryRcode = undefined;
    await begin();
    const row = await stands('silent');
    expect(inWords(row, Date.now())).toMatch(/^no answer since .+: UDP: no reply within/);
  });

  test('something else: the RRset that is not as published is named', async () => {
    ns1.follows = true;
    ns1.contents.set(`${ZONE} NS`, [`ns1.${ZONE}`]);
    await begin();
    await stands('converged');
    ns1.contents.set(`${WWW} A`, ['192.0.2.1']);
    await house.operator.query(`update records set content = '192.0.2.2' where name = $1`, [WWW]);
    const row = await stands('different');
    expect(inWords(row, Date.now())).toMatch(/^serves 2, but www\.example\.com\. A is not as published/);
    ns1.contents.set(`${WWW} A`, ['192.0.2.2']);
    await makeDue(0);
    await stands('converged');
  });

  test('ahead of us: gone past, and seen there', async () => {
    ns1.serials.set(ZONE, 50);
    ns1.contents.set(`${ZONE} NS`, [`ns1.${ZONE}`]);
    await begin();
    await until('we go past it', async () => (await house.serial(ZONE)) === 51);
    const row = await until('another look', async () => {
      const [one] = (await standing()).rows;
      return one?.highest === 50 && one;
    });
    expect(row.serial).toBe(51);
    ns1.serials.set(ZONE, 51);
    await stands('converged');
  });

  test('far ahead of us: with the command that walks there', async () => {
    ns1.serials.set(ZONE, 2 ** 31);
    await begin();
    const row = await stands('ahead');
    expect(inWords(row, Date.now())).toBe(
      'has serial 2147483648, newer than ours, 1, and would take no change: zoneferry zone serial example.com. --after 2147483648',
    );
  });

  test.each([
    ['optional', 'optional = true', 'optional'],
    ['without an address to ask', `check_addresses = '{}'`, 'not to be asked'],
    ['without NOTIFY', 'notify = false', 'NOTIFY is off'],
  ])('%s is not checked, never lagging', async (_, setting, unchecked) => {
    await begin(setting);
    const row = await stands('not checked');
    expect(row.unchecked).toBe(unchecked);
    expect((await readStanding(pool, { open: true, limit: 10 })).total).toBe(0);
    expect(ns1.asked).toBe(0);
  });

  test('every address that it answers at has to serve it; those of --check are asked in place of its own', async () => {
    const [public1, public2] = [await LyingSecondary.start(), await LyingSecondary.start()];
    try {
      for (const one of [public1, public2]) one.contents.set(`${ZONE} NS`, [`ns1.${ZONE}`]);
      public1.serials.set(ZONE, 1);
      public2.serials.set(ZONE, 0);
      await begin(`check_addresses = array['${public1.address}', '${public2.address}']`);
      await until('both were asked', async () => public1.asked > 0 && public2.asked > 0);
      await until('the older one is seen', async () => (await stands('converging')).shown === 0);
      public2.serials.set(ZONE, 1);
      await makeDue(0);
      await stands('converged');
      expect(ns1.asked).toBe(0);
    } finally {
      await public1.close();
      await public2.close();
    }
  });

  test('a thousand zones at once, no more on their way than it takes', async () => {
    ns1.follows = true;
    await house.operator.query(
      `insert into secondaries (name, addresses, max_transfers) values ('ns1', $1, 20)`,
      [[ns1.address]],
    );
    await house.operator.query(
      `with z as (insert into zones (name, primary_ns, contact) select 'z' || n || '.test.', 'ns.test.', 'h@test' from generate_series(1, 1000) as n returning id, name)
       insert into records (zone_id, name, type, content) select id, name, 'NS', 'ns.test.' from z`,
    );
    for (let n = 1; n <= 1000; n++) ns1.contents.set(`z${n}.test. NS`, ['ns.test.']);
    await until(
      'all are seen',
      async () => {
        const { rows } = await pool.query(
          'select count(*) from convergence where checked_at is not null and next_check_at is null',
        );
        return rows[0].count === '1000';
      },
      { deadlineMs: 60_000, everyMs: 200 },
    );
    await until('all are counted', async () => {
      const { rows } = await pool.query(
        `select sum(count) filter (where minute > '-infinity') as points, sum(count) filter (where minute = '-infinity') as total from visible_times`,
      );
      return Number(rows[0].points) === 1000 && Number(rows[0].total) === 1000;
    });
  }, 90_000);

  async function begin(setting?: string): Promise<void> {
    await house.operator.query(`insert into secondaries (name, addresses) values ('ns1', $1)`, [
      [ns1.address],
    ]);
    if (setting !== undefined) await house.operator.query(`update secondaries set ${setting}`);
    await house.zone(ZONE, [[WWW, 'A', '192.0.2.1']]);
    await until('a first version', async () => (await house.serial(ZONE)) >= 1);
  }

  function standing() {
    return readStanding(pool, { limit: 10 });
  }

  async function stands(state: Convergence['state']): Promise<Convergence> {
    let last: Convergence | undefined;
    return until(
      `ns1 is ${state}`,
      async () => {
        [last] = (await standing()).rows;
        return last?.state === state && last.serial >= 1 && last;
      },
      { explain: () => JSON.stringify(last) },
    );
  }

  /** Moves the next looks forward, as if so many had been in vain. */
  async function makeDue(misses: number): Promise<void> {
    await until('it waits for another look', async () => {
      const { rowCount } = await pool.query(
        `update convergence set next_check_at = now(), misses = greatest(misses, $1) where next_check_at > now() + interval '1 second' and seen_at is not null`,
        [misses],
      );
      return rowCount === 1;
    });
  }
});
