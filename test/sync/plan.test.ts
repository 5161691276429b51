import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { Family, Look, LookOptions } from '../../src/resolve/outcome.ts';
import { Looker } from '../../src/sync/looker.ts';
import type { PlanRooms } from '../../src/sync/plan/looks.ts';
import { planResync } from '../../src/sync/plan.ts';
import { type GuardPolicy, guardPolicy } from '../../src/zone/guard.ts';
import { addRecord, addZone, policy, publishAll, type TestStore, testStore } from '../support/store.ts';

let store: TestStore;
/** What each of two resolvers answers for A; nothing: no such name. */
let answers: Record<string, (string | undefined)[]>;
let guards: GuardPolicy;
beforeEach(async () => {
  store = await testStore();
  answers = {};
  guards = guardPolicy({ empty: 20, change: 50, apex: false }, { ...policy, negativeHold: 0 });
});
afterEach(() => store.close());

const resolver = {
  look: async (target: string, family: Family, { avoid }: LookOptions = {}): Promise<Look> => {
    const index = avoid === 'r0' ? 1 : 0;
    const address = answers[target]?.[index];
    const outcome =
      address === undefined
        ? ({ kind: 'nxdomain' } as const)
        : family === 'AAAA'
          ? ({ kind: 'nodata' } as const)
          : ({ kind: 'found', addresses: [address], ttl: 300 } as const);
    return {
      target,
      family,
      outcome: outcome.kind === 'found' ? { ...outcome, addresses: [...outcome.addresses] } : outcome,
      chain: [],
      authentic: false,
      resolver: `r${index}`,
      startedAt: 0,
      ms: 0,
    };
  },
};

const rooms = (): PlanRooms => ({
  pool: store.pool,
  resolver,
  policy: { ...policy, negativeHold: 0 },
  guards,
  clock: systemClock,
});
const plan = (zoneIds?: string[], force = false) => planResync({ zoneIds, force }, rooms());

/** The place and the writer of every row: any write at all shows. */
async function writes(): Promise<unknown[]> {
  const { rows: tables } = await store.operator.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`,
  );
  const all = [];
  for (const { name } of tables)
    all.push((await store.operator.query(`select ctid, xmin from ${name} order by ctid`)).rows);
  return all;
}

/** Looks for good, as a resync does. */
async function lookForGood(): Promise<void> {
  const looker = new Looker({ ...rooms(), log: silentLog });
  const { rows } = await store.operator.query<{ name: string }>('select name from alias_targets');
  const { targetsOf } = await import('../../src/store/targets.ts');
  const known = await targetsOf(store.pool, undefined, '', 10_000);
  expect(known).toHaveLength(rows.length);
  await Promise.all(known.map((target) => looker.look(target, 0)));
  await looker.stop();
  await publishAll(store);
}

async function zones(count: number, targetOf: (index: number) => string): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index++) {
    const name = `z${String(index).padStart(3, '0')}.test.`;
    ids.push(await addZone(store, name));
    await addRecord(store, ids[index] ?? '', name, 'ALIAS', targetOf(index));
  }
  await publishAll(store);
  await lookForGood();
  return ids;
}

test('says what would go and come, with why and what it sets in motion, and writes nothing', async () => {
  await store.operator.query(
    `insert into secondaries (name, addresses, zones) values ('one', '{192.0.2.53,192.0.2.54}', null), ('two', '{192.0.2.55}', '{z000.test.}'),
       ('mute', '{192.0.2.56}', null)`,
  );
  await store.operator.query(`update secondaries set notify = false where name = 'mute'`);
  answers = { 'cdn.example.net.': ['192.0.2.1'], 'other.example.net.': ['192.0.2.5'] };
  const ids = await zones(3, (index) => (index < 2 ? 'cdn.example.net.' : 'other.example.net.'));
  await store.pool.query(
    `insert into convergence (zone_id, secondary_id, serial, committed_at, shown_serial)
     select z.id, s.id, z.published_serial, now(), z.published_serial from zones z, secondaries s where s.name = 'one' and z.id = $1`,
    [ids[0]],
  );
  answers['cdn.example.net.'] = ['192.0.2.2'];
  const before = await writes();
  const planned = await plan();
  expect(await writes()).toEqual(before);
  expect(planned).toMatchObject({
    targets: 2,
    resolved: 2,
    changedRecords: 4,
    changedZones: 2,
    more: 0,
    guards: [],
    holds: [],
    zones: [
      {
        zone: 'z000.test.',
        deleted: [{ name: 'z000.test.', ttl: 300, type: 'A', content: '192.0.2.1' }],
        added: [{ name: 'z000.test.', ttl: 300, type: 'A', content: '192.0.2.2' }],
        why: ['cdn.example.net. moved, A found by r0; AAAA nodata by r0'],
      },
      { zone: 'z001.test.' },
    ],
    blast: { zones: 2, notifies: 5, secondaries: 2, axfrs: 2 },
  });
  // one of three pairs of zone and secondary has a version to begin with
  expect(planned.blast.ixfrBytes).toBe(planned.zones[0]?.ixfrBytes);
  expect(planned.blast.axfrBytes).toBeGreaterThan(200);

  await store.pool.query('delete from notifications');
  await lookForGood();
  const { rows } = await store.operator.query('select count(*) from notifications');
  expect(Number(rows[0].count)).toBe(planned.blast.notifies);
  expect((await plan()).changedZones).toBe(0);
  expect((await plan([ids[2] ?? ''])).targets).toBe(1);
});

test('says which guards would hold, with the numbers of a run', async () => {
  answers = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`t${index}.example.net.`, ['192.0.2.1', '192.0.2.1']]),
  );
  const ids = await zones(40, (index) => `t${index}.example.net.`);
  for (let index = 0; index < 25; index++) answers[`t${index}.example.net.`] = [undefined, undefined];
  const before = await writes();
  const emptied = await plan();
  expect(emptied.guards).toEqual([
    {
      guard: 'empty',
      message:
        'guard empty: 25 of 40 aliases (62 %) would lose all addresses, limit 20 %: `zoneferry resync ZONE --force` publishes it',
      targets: 25,
      aliases: 25,
    },
  ]);
  expect(emptied.holds[0]).toEqual({ target: expect.any(String), why: 'guard empty' });
  expect(emptied.changedZones).toBe(0);
  expect(await plan([ids[0] ?? ''], true)).toMatchObject({ guards: [], changedZones: 1, changedRecords: 1 });

  // apart from their apexes, were that guard on and the other not
  guards = { ...guards, empty: 100, apex: true };
  expect(await plan()).toMatchObject({ changedZones: 0, guards: [{ guard: 'apex', aliases: 25 }] });

  guards = { ...guards, empty: 20, apex: false };
  for (let index = 0; index < 30; index++)
    answers[`t${index}.example.net.`] = ['192.0.2.9', index < 10 ? '192.0.2.1' : '192.0.2.9'];
  const disputed = await plan();
  expect(disputed.guards).toMatchObject([{ guard: 'change', targets: 10, aliases: 10 }]);
  expect(disputed.guards[0]?.message).toMatch(
    /^guard change: 30 of 40 aliases \(75 %\) would change at once/,
  );
  expect(disputed.changedZones).toBe(20);
  expect(await writes()).toEqual(before);
});

test('what a forced look had set apart, and what would end it', async () => {
  answers = { 'cdn.example.net.': ['192.0.2.1'] };
  const ids = await zones(2, () => 'cdn.example.net.');
  answers = {};
  const held = { ...rooms(), policy };
  const looker = new Looker({ ...held, log: silentLog });
  const { targetsOf } = await import('../../src/store/targets.ts');
  const [target] = await targetsOf(store.pool, undefined, '', 1);
  if (target) await looker.look(target, 0, undefined, { zoneIds: [ids[0] ?? ''] });
  await looker.stop();
  await publishAll(store);
  expect(await planResync({ zoneIds: undefined, force: false }, held)).toMatchObject({
    changedZones: 0,
    held: 1,
    holds: [
      {
        target: 'cdn.example.net.',
        why: expect.stringMatching(/^no such name: what is published stays until/),
      },
    ],
  });
  answers = { 'cdn.example.net.': ['192.0.2.1'] };
  expect(await planResync({ zoneIds: undefined, force: false }, held)).toMatchObject({
    changedZones: 1,
    zones: [{ zone: 'z000.test.', deleted: [], added: [{ content: '192.0.2.1' }] }],
  });
});
