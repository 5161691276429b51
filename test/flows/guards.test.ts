import { afterEach, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/until.ts';
import { Upstream } from '../support/upstream.ts';

let house: House;
let second: Upstream | undefined;
afterEach(async () => {
  await house.close();
  await second?.close();
  second = undefined;
});

const target = (index: number) => `t${index}.example.net.`;

/** A zone with so many aliases, each of a target of its own. */
async function zoneOf(name: string, count: number): Promise<void> {
  await house.zone(
    name,
    Array.from({ length: count }, (_, index) => [`n${index}.${name}`, 'ALIAS', target(index)]),
  );
}

const publishing = async (zone: string, address = '%') =>
  Number(
    (
      await house.operator.query(
        `select count(*) from transfer_records where type = 'A' and name like '%.' || $1 and content like $2`,
        [zone, address],
      )
    ).rows[0].count,
  );

interface GuardStatus {
  guard: string;
  message: string;
  aliases: number;
  zones: string[];
}

async function guards(): Promise<GuardStatus[]> {
  const reply = await fetch(`${house.http}/v1/status`);
  return ((await reply.json()) as { data: { guards: GuardStatus[] } }).data.guards;
}

async function force(zone: string): Promise<void> {
  const reply = await fetch(`${house.http}/v1/resyncs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ zones: [zone], force: true }),
  });
  expect(reply.status).toBe(202);
}

test('targets that vanish together are held, across a restart, until they answer or a zone is forced', {
  timeout: 120_000,
}, async () => {
  house = await openHouse({ NEGATIVE_HOLD: '1', RETRY_MIN: '1', RETRY_MAX: '1' }, [
    'transfer',
    'scheduler',
    'api',
  ]);
  const worker = await house.addService(['worker']);
  for (let index = 0; index < 40; index++) house.upstream.set(target(index), { A: ['192.0.2.1'], ttl: 1 });
  await zoneOf('a.test.', 40);
  await zoneOf('b.test.', 40);
  await until('both are published', async () => (await publishing('test.')) === 80);

  for (let index = 0; index < 30; index++) house.upstream.fail(target(index), 'nxdomain');
  const [held] = await until(
    'the guard holds all',
    async () => {
      const all = await guards();
      return all[0]?.aliases === 60 && all;
    },
    { deadlineMs: 60_000 },
  );
  expect(held).toMatchObject({
    guard: 'empty',
    message:
      'guard empty: 60 of 80 aliases (75 %) would lose all addresses, limit 20 %: `zoneferry resync ZONE --force` publishes it',
    zones: ['a.test.', 'b.test.'],
  });
  expect(await publishing('test.')).toBe(80);
  expect(house.lines.join('\n')).toMatch(/guard empty: .* what is published stays/);

  await worker.stop();
  await house.addService(['worker']);
  await force('b.test.');
  await until('the zone forced is emptied', async () => (await publishing('b.test.')) === 10);
  expect(await publishing('a.test.')).toBe(40);
  const looks = house.upstream.count(target(0), 'A');
  await until('it is looked at again', async () => house.upstream.count(target(0), 'A') > looks + 1);
  expect(await publishing('a.test.')).toBe(40);

  for (let index = 0; index < 30; index++) house.upstream.heal(target(index));
  await until('the zone forced has its addresses again', async () => (await publishing('b.test.')) === 40);
  await until('nothing is held', async () => (await guards()).length === 0);
});

test('most targets move while another resolver says otherwise: held until both agree', {
  timeout: 60_000,
}, async () => {
  second = await Upstream.start();
  const first = await Upstream.start();
  house = await openHouse({
    RESOLVERS: `${first.endpoint.ip}:${first.endpoint.port},${second.endpoint.ip}:${second.endpoint.port}`,
    RETRY_MAX: '1',
  });
  try {
    for (let index = 0; index < 40; index++) {
      for (const upstream of [first, second])
        upstream.set(target(index), { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], ttl: 1 });
    }
    await zoneOf('a.test.', 40);
    await until('published', async () => (await publishing('a.test.')) === 40);
    for (let index = 0; index < 40; index++)
      first.set(target(index), { A: ['198.51.100.66'], AAAA: ['2001:db8::1'], ttl: 1 });
    const held = await until('the guard holds', async () => {
      const all = await guards();
      return all.length > 0 && all;
    });
    expect(held).toMatchObject([
      { guard: 'change', message: expect.stringMatching(/^guard change: \d+ of 40 aliases .* limit 50 %: /) },
    ]);
    const asked = first.count(target(39), 'A');
    await until('they are looked at again', async () => first.count(target(39), 'A') > asked + 2);
    expect(await publishing('a.test.', '198.51.100.66')).toBeLessThanOrEqual(20);
    for (let index = 0; index < 40; index++)
      second.set(target(index), { A: ['198.51.100.66'], AAAA: ['2001:db8::1'], ttl: 1 });
    await until(
      'both agree, and it is published',
      async () => (await publishing('a.test.', '198.51.100.66')) === 40,
    );
    await until('nothing is held', async () => (await guards()).length === 0);
  } finally {
    await first.close();
  }
});
