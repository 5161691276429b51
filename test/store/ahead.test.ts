import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AheadWatch } from '../../src/app/ahead.ts';
import { decodeSoa } from '../../src/dns/rdata/index.ts';
import { silentLog } from '../../src/log.ts';
import {
  dropPassedSerials,
  forgetShownSerial,
  noteShownSerial,
  readAhead,
  walkPast,
} from '../../src/store/ahead.ts';
import { readHistory } from '../../src/store/versions.ts';
import { addRecord, publishAll, serialOf, type TestStore, testStore } from '../support/store.ts';

let store: TestStore;
let count = 0;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

interface Zone {
  id: string;
  name: string;
  secondaryId: string;
  secondary: string;
}

/** A zone published at that serial, and a secondary that may have it alone. */
async function zoneAt(serial: number): Promise<Zone> {
  const name = `zone${++count}.test.`;
  const made = await store.operator.query<{ id: string }>(
    `insert into zones (name, primary_ns, contact, serial) values ($1, 'ns.test.', 'h.test.', $2) returning id`,
    [name, serial],
  );
  const id = made.rows[0]?.id ?? '';
  await addRecord(store, id, name, 'NS', 'ns.test.');
  const secondary = `s${count}`;
  const { rows } = await store.operator.query(
    `insert into secondaries (name, addresses, zones) values ($1, '{192.0.2.1}', $2) returning id`,
    [secondary, [name]],
  );
  await publishAll(store);
  expect(await serialOf(store, id)).toBe(serial);
  return { id, name, secondary, secondaryId: rows[0].id };
}

function show(zone: Zone, serial: number, secondaryId = zone.secondaryId) {
  return noteShownSerial(store.pool, { zone: zone.name, secondaryId, serial });
}

async function aheadOf(zone: Zone) {
  const { rows } = await readAhead(store.pool, 1000);
  return rows.filter((row) => row.zone === zone.name);
}

async function answerAll(zone: Zone): Promise<void> {
  await store.pool.query('update notifications set acked_serial = serial where zone_id = $1', [zone.id]);
}

describe('a secondary ahead of us', () => {
  test('is followed by a change of the SOA alone, with its NOTIFY', async () => {
    const zone = await zoneAt(7);
    expect(await show(zone, 12)).toEqual({ kind: 'followed', secondary: zone.secondary, serial: 7 });
    expect(await aheadOf(zone)).toMatchObject([{ serial: 12, ours: 7, command: null }]);
    expect(await publishAll(store)).toMatchObject([
      { name: zone.name, from: 7, serial: 13, deleted: 0, added: 0 },
    ]);
    expect(await aheadOf(zone)).toEqual([]);
    const [step] = (await readHistory(store.pool, zone.id, 7, 13, 1e6)) ?? [];
    expect(decodeSoa(step?.newSoa ?? Buffer.alloc(0))).toMatchObject({ serial: 13 });
    const { rows } = await store.operator.query('select serial from notifications where zone_id = $1', [
      zone.id,
    ]);
    expect(rows).toEqual([{ serial: '13' }]);
    expect(await show(zone, 12)).toEqual({ kind: 'not-ahead' });
    expect(await publishAll(store)).toEqual([]);
  });

  test('around the end of the ring, without 0', async () => {
    const zone = await zoneAt(0xfffffffe);
    await show(zone, 0xffffffff);
    await publishAll(store);
    expect(await serialOf(store, zone.id)).toBe(1);
  });

  test('is followed up to 2^30 - 1, and from 2^30 waits for the operator, who is told the command', async () => {
    const near = await zoneAt(1);
    const far = await zoneAt(1);
    const half = await zoneAt(1);
    const older = await zoneAt(1);
    expect(await show(near, 2 ** 30)).toMatchObject({ kind: 'followed' });
    expect(await show(far, 2 ** 30 + 1)).toMatchObject({ kind: 'far', serial: 1 });
    expect(await show(half, 2 ** 31 + 1)).toMatchObject({ kind: 'far' });
    expect(await show(older, 2 ** 31 + 2)).toEqual({ kind: 'not-ahead' });
    expect((await publishAll(store)).map((zone) => zone.name)).toEqual([near.name]);
    expect(await aheadOf(far)).toMatchObject([
      {
        secondary: far.secondary,
        serial: 2 ** 30 + 1,
        ours: 1,
        command: `zoneferry zone serial ${far.name} --after 1073741825`,
      },
    ]);
  });

  test('the highest that it has shown counts, until it has taken a version of ours', async () => {
    const zone = await zoneAt(1);
    await show(zone, 2_000_000_000);
    await show(zone, 1_900_000_000);
    expect(await aheadOf(zone)).toMatchObject([{ serial: 2_000_000_000 }]);
    await forgetShownSerial(store.pool, zone.name, zone.secondaryId);
    expect(await aheadOf(zone)).toEqual([]);
  });

  test('goes along with an edit that waits, and does not undo a serial set farther by hand', async () => {
    const zone = await zoneAt(7);
    await addRecord(store, zone.id, `www.${zone.name}`, 'A', '192.0.2.1');
    await show(zone, 12);
    expect(await publishAll(store)).toMatchObject([{ serial: 13, added: 1 }]);
    await store.operator.query('update zones set serial = 100 where id = $1', [zone.id]);
    await show(zone, 20);
    expect(await publishAll(store)).toMatchObject([{ serial: 100 }]);
  });

  test('that lies again and again is followed less than 2^30 in all until EXPIRE is over: who was away is not passed by', async () => {
    const zone = await zoneAt(1);
    const kinds: string[] = [];
    for (const far of [2 ** 29, 2 ** 29, 2 ** 28, 2 ** 29]) {
      const noted = await show(zone, ((await serialOf(store, zone.id)) + far) >>> 0);
      kinds.push(noted.kind);
      await publishAll(store);
    }
    expect(kinds).toEqual(['followed', 'spent', 'followed', 'spent']);
    const ours = 1 + 2 ** 29 + 2 ** 28 + 2;
    expect(await serialOf(store, zone.id)).toBe(ours);
    const shown = ours + 2 ** 29;
    expect(await aheadOf(zone)).toMatchObject([
      { serial: shown, ours, command: `zoneferry zone serial ${zone.name} --after ${shown}` },
    ]);
    await store.pool.query(
      `update zone_changes set created_at = now() - interval '15 days' where zone_id = $1`,
      [zone.id],
    );
    expect(await show(zone, shown)).toMatchObject({ kind: 'followed' });
  });

  test('that lies again and again, a little each time, makes ten versions an hour and no more', async () => {
    const zone = await zoneAt(1);
    for (let times = 0; times < 12; times++) {
      await show(zone, (await serialOf(store, zone.id)) + 1);
      await publishAll(store);
    }
    expect(await serialOf(store, zone.id)).toBe(21);
    // what the operator does counts for nothing
    await walkPast(store.pool, zone.name, 2_000_000_000);
    await publishAll(store);
    await store.pool.query(
      `update zone_changes set created_at = now() - interval '61 minutes' where zone_id = $1`,
      [zone.id],
    );
    expect(await show(zone, 2_000_000_005)).toMatchObject({ kind: 'followed' });
  });

  test('many at once end past the highest', async () => {
    const zone = await zoneAt(7);
    const others = await Promise.all(
      [1, 2, 3, 4].map(async (index) => {
        const { rows } = await store.operator.query(
          `insert into secondaries (name, addresses, zones) values ($1, '{192.0.2.1}', '{}') returning id`,
          [`${zone.secondary}-${index}`],
        );
        return rows[0].id as string;
      }),
    );
    await Promise.all(others.map((id, index) => show(zone, 10 + index, id)));
    await publishAll(store);
    expect(await serialOf(store, zone.id)).toBe(14);
  });

  test('is not waited for long while a client sits on the zone', async () => {
    const zone = await zoneAt(7);
    const client = await store.operator.connect();
    await client.query('begin');
    await client.query('update zones set refresh = 60 where id = $1', [zone.id]);
    await expect(show(zone, 12)).rejects.toThrow(/lock timeout/);
    await client.query('commit');
    client.release();
    expect(await show(zone, 12)).toMatchObject({ kind: 'followed' });
  });

  test('what is gone is no failure, and what was passed is forgotten', async () => {
    const zone = await zoneAt(7);
    expect(await show({ ...zone, name: 'gone.test.' }, 12)).toEqual({ kind: 'not-ahead' });
    expect(await show(zone, 12, '999999')).toEqual({ kind: 'not-ahead' });
    await show(zone, 12);
    const rows = async () =>
      (await store.operator.query('select serial from serials_ahead where zone_id = $1', [zone.id])).rows;
    await dropPassedSerials(store.pool);
    expect(await rows()).toHaveLength(1);
    await publishAll(store);
    await dropPassedSerials(store.pool);
    expect(await rows()).toEqual([]);
    await expect(store.operator.query('delete from serials_ahead')).rejects.toThrow(/by the service alone/);
  });
});

test('the watch notes a serial once a minute, another of the same secondary once a second, also when the clock is set back', async () => {
  const zone = await zoneAt(1);
  let now = 10_000_000;
  const lines: unknown[] = [];
  const log = { ...silentLog, error: (fields: object) => void lines.push(fields) };
  const watch = new AheadWatch({ pool: store.pool, log, now: () => now });
  const shows = async (serial: number): Promise<number> => {
    const before = lines.length;
    watch.shown({ zone: zone.name, secondaryId: zone.secondaryId, serial });
    // waits for what is under way
    await watch.stop();
    return lines.length - before;
  };
  const far = 2_000_000_000;
  expect(await shows(far)).toBe(1);
  expect(await shows(far)).toBe(0);
  expect(await shows(far + 1)).toBe(0);
  now += 1_000;
  expect(await shows(far)).toBe(0);
  expect(await shows(far + 1)).toBe(1);
  now += 60_000;
  expect(await shows(far + 1)).toBe(1);
  now -= 5_000_000;
  expect(await shows(far + 1)).toBe(1);
});

describe('a walk past a serial', () => {
  test('is one step up to half the ring', async () => {
    const zone = await zoneAt(1);
    await show(zone, 2_000_000_000);
    expect(await walkPast(store.pool, zone.name, 2_000_000_000)).toEqual({
      kind: 'set',
      from: 1,
      serial: 2_000_000_001,
    });
    expect(await walkPast(store.pool, zone.name, 2_000_000_000)).toEqual({
      kind: 'unpublished',
      serial: 2_000_000_001,
    });
    await publishAll(store);
    expect(await walkPast(store.pool, zone.name, 2_000_000_000)).toEqual({
      kind: 'past',
      serial: 2_000_000_001,
    });
    expect(await aheadOf(zone)).toEqual([]);
    expect(await walkPast(store.pool, 'gone.test.', 5)).toBeUndefined();
  });

  test('is two from half the ring on, the second when all have answered the first (RFC 1982, section 3.1)', async () => {
    const zone = await zoneAt(1155);
    const after = 1155 + 2 ** 31;
    await answerAll(zone);
    expect(await walkPast(store.pool, zone.name, after)).toEqual({
      kind: 'set',
      from: 1155,
      serial: 1154 + 2 ** 31,
      next: after + 1,
    });
    await publishAll(store);
    expect(await walkPast(store.pool, zone.name, after)).toEqual({
      kind: 'unanswered',
      serial: 1154 + 2 ** 31,
      secondaries: [zone.secondary],
    });
    await answerAll(zone);
    expect(await walkPast(store.pool, zone.name, after)).toEqual({
      kind: 'set',
      from: 1154 + 2 ** 31,
      serial: after + 1,
    });
    await publishAll(store);
    expect(await serialOf(store, zone.id)).toBe(after + 1);
  });

  test('passes by who does not answer, where it is forced to', async () => {
    const zone = await zoneAt(1);
    await walkPast(store.pool, zone.name, 2 ** 31);
    await publishAll(store);
    expect(await walkPast(store.pool, zone.name, 2 ** 31, { force: true })).toMatchObject({ kind: 'set' });
  });
});
