import { afterEach, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { axfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';
import type { Failure } from '../support/upstream.ts';

let house: House;
afterEach(() => house.close());

/** Waits until a target was looked at so many times more. */
async function looks(name: string, more: number): Promise<void> {
  const from = house.upstream.count(name, 'A');
  await until(`${more} looks at ${name}`, async () => house.upstream.count(name, 'A') >= from + more, {
    deadlineMs: 60_000,
  });
}

async function contents(name: string, type: string): Promise<string[]> {
  const { rows } = await house.operator.query(
    'select content from transfer_records where name = $1 and type = $2 order by content',
    [name, type],
  );
  return rows.map((row) => row.content);
}

test('a CDN that answers with 8 of 40 addresses costs a few serials, and each of its answers one where exact ones are wanted', async () => {
  house = await openHouse();
  const pool = Array.from({ length: 40 }, (_, index) => `198.51.100.${index + 1}`);
  house.upstream.pool('cdn.example.net', pool, 8, 1);
  await house.zone('stable.test.', [['stable.test.', 'ALIAS', 'cdn.example.net.']]);
  await house.zone('exact.test.', [['exact.test.', 'ALIAS', 'cdn.example.net.']]);
  await house.operator.query(
    `update records set answers = 'exact' where name = 'exact.test.' and type = 'ALIAS'`,
  );
  await until('published', async () => (await contents('stable.test.', 'A')).length === 8);
  await looks('cdn.example.net', 14);
  const kept = await contents('stable.test.', 'A');
  expect(kept).toHaveLength(8);
  // the zone without addresses, the first answer, three until the rotation shows, and one where chance would have it so
  expect(await house.serial('stable.test.')).toBeLessThanOrEqual(6);
  expect(await house.serial('exact.test.')).toBeGreaterThanOrEqual(12);
  const { body } = (await (
    await fetch(`${house.http}/v1/status`)
  )
    .json()
    .then((json) => ({ body: json }))) as {
    body: { data: { damping: { answers: number; saved: number }; aliases: { damping: object }[] } };
  };
  expect(body.data.damping.saved).toBeGreaterThanOrEqual(8);
  expect(body.data.aliases[0]?.damping).toEqual(body.data.damping);
  const metrics = await (await fetch(`${house.http}/metrics`)).text();
  const [saved, spent] = ['saved', 'spent'].map((which) =>
    Number(new RegExp(`^zoneferry_serials_${which}_total (\\d+)$`, 'm').exec(metrics)?.[1]),
  );
  expect(saved).toBeGreaterThanOrEqual(5);
  expect(spent).toBeLessThan(saved ?? 0);

  // a clean break
  house.upstream.pool('cdn.example.net', ['203.0.113.1', '203.0.113.2'], 2, 1);
  await house.publishes('stable.test.', 'A', ['203.0.113.1', '203.0.113.2']);
}, 90_000);

test('whatever a resolver does wrong, what is published stays, and the rest of the zone goes on', async () => {
  house = await openHouse();
  const ways: Failure[] = [
    'servfail',
    'refused',
    'timeout',
    'wrong-id',
    'wrong-question',
    'garbage',
    'referral',
    'bogus',
  ];
  for (const way of ways)
    house.upstream.set(`${way}.example.net`, { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], ttl: 1 });
  house.upstream.set('loop.example.net', { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], ttl: 1 });
  house.upstream.set('lying.example.net', { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], ttl: 1 });
  house.upstream.set('slow.example.net', { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], ttl: 1 });
  const names = [...ways, 'loop', 'lying', 'slow'];
  await house.zone(
    'example.com.',
    names.map((name) => [`${name}.example.com.`, 'ALIAS', `${name}.example.net.`]),
  );
  for (const name of names) await house.publishes(`${name}.example.com.`, 'AAAA', ['2001:db8::1']);
  const serial = await house.serial('example.com.');
  for (const way of ways) house.upstream.fail(`${way}.example.net`, way);
  house.upstream.set('loop.example.net', { CNAME: 'back.example.net', ttl: 1 });
  house.upstream.set('back.example.net', { CNAME: 'loop.example.net', ttl: 1 });
  house.upstream.set('lying.example.net', { A: ['127.0.0.1'], AAAA: ['::1'], ttl: 1 });
  house.upstream.delay(2_000, 'slow.example.net');
  await until(
    'every one failed twice',
    async () => {
      const { rows } = await house.operator.query(
        'select count(*) as failed from alias_targets where failures >= 2',
      );
      return Number(rows[0].failed) === names.length;
    },
    { deadlineMs: 30_000 },
  );
  expect(await house.serial('example.com.')).toBe(serial);
  for (const name of names) expect(await contents(`${name}.example.com.`, 'A'), name).toEqual(['192.0.2.1']);
});

test('a bogus answer holds what is published, and is shown with its reason wherever one asks', async () => {
  house = await openHouse();
  house.upstream.set('app.example.net', { A: ['192.0.2.1'], ttl: 1 });
  await house.zone('example.com.', [
    ['app.example.com.', 'ALIAS', 'app.example.net.'],
    ['www.example.com.', 'A', '192.0.2.80'],
  ]);
  await house.publishes('app.example.com.', 'A', ['192.0.2.1']);
  const serial = await house.serial('example.com.');
  house.upstream.set('app.example.net', { A: ['203.0.113.66'], ttl: 1 });
  house.upstream.fail('app.example.net', 'bogus');
  house.upstream.explain('app.example.net', [7, 'signature of app.example.net expired']);
  const shown = /bogus: .*EDE 7 Signature Expired: signature of app\.example\.net expired/;
  const get = async (path: string) => (await fetch(`${house.http}${path}`)).text();
  await until('status to show it', async () => shown.test(await get('/v1/status')));
  await looks('app.example.net', 2);
  expect(await get('/v1/zones/example.com./aliases/why?name=app')).toMatch(shown);
  expect(await house.serial('example.com.')).toBe(serial);
  expect(await contents('app.example.com.', 'A')).toEqual(['192.0.2.1']);

  house.upstream.heal('app.example.net');
  house.upstream.explain('app.example.net');
  await house.publishes('app.example.com.', 'A', ['203.0.113.66']);
  await until('status to show it no more', async () => !shown.test(await get('/v1/status')));
});

test('MAX_STALE: fallback addresses stand in, of the record that has some, until there is an answer', async () => {
  house = await openHouse({ MAX_STALE: '2' });
  house.upstream.set('app.example.net', { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], ttl: 1 });
  await house.zone('example.com.', [
    ['with.example.com.', 'ALIAS', 'app.example.net.', 300],
    ['without.example.com.', 'ALIAS', 'app.example.net.', 300],
  ]);
  await house.operator.query(
    `update records set fallback = '{198.51.100.7,2001:db8::7}' where name = 'with.example.com.'`,
  );
  await house.publishes('with.example.com.', 'A', ['192.0.2.1']);
  house.upstream.fail('app.example.net', 'servfail');
  await house.publishes('with.example.com.', 'A', ['198.51.100.7']);
  await house.publishes('with.example.com.', 'AAAA', ['2001:db8::7']);
  await house.publishes('without.example.com.', 'A', ['192.0.2.1']);
  const { rows } = await house.operator.query(
    `select held_reason from aliases where owner = 'with.example.com.'`,
  );
  expect(rows[0].held_reason).toBe(
    'app.example.net. had no answer for MAX_STALE: the fallback addresses stand in',
  );
  house.upstream.heal('app.example.net');
  await house.publishes('with.example.com.', 'A', ['192.0.2.1']);
  await house.publishes('with.example.com.', 'AAAA', ['2001:db8::1']);
});

test('no such name: held for NEGATIVE_HOLD, then withdrawn and raised; a transfer has the debug TXT all the time', async () => {
  house = await openHouse({ NEGATIVE_HOLD: '3' });
  house.upstream.set('app.example.net', { A: ['192.0.2.1'], ttl: 1 });
  await house.zone('example.com.', [
    ['example.com.', 'ALIAS', 'app.example.net.', 300],
    ['www.example.com.', 'A', '192.0.2.80'],
  ]);
  await house.operator.query(`update records set debug_txt = true where type = 'ALIAS'`);
  await house.operator.query(
    `insert into secondaries (name, addresses, notify) values ('reader', '{127.0.0.1}', false)`,
  );
  await house.publishes('example.com.', 'A', ['192.0.2.1']);
  await house.publishes('example.com.', 'TXT', ['"ALIAS for app.example.net."']);
  const before = await axfr({ ...house.dns, zone: 'example.com.' });
  expect(before.result).toMatchObject({ kind: 'axfr', records: { length: 4 } });
  house.upstream.fail('app.example.net', 'nxdomain');
  await looks('app.example.net', 1);
  expect(await contents('example.com.', 'A')).toEqual(['192.0.2.1']);
  await house.publishes('example.com.', 'A', []);
  expect(house.lines.join('\n')).toContain(
    'app.example.net.: A is withdrawn: no such name, for both families',
  );
  await until('the transfer without the address', async () => {
    const { result } = await axfr({ ...house.dns, zone: 'example.com.' });
    return result?.kind === 'axfr' && result.records.length === 3;
  });
  expect(await contents('example.com.', 'TXT')).toEqual(['"ALIAS for app.example.net."']);
});

test('EMPTY_TARGET=hold: never withdrawn', async () => {
  house = await openHouse({ NEGATIVE_HOLD: '0', EMPTY_TARGET: 'hold' });
  house.upstream.set('app.example.net', { A: ['192.0.2.1'], ttl: 1 });
  await house.zone('example.com.', [['example.com.', 'ALIAS', 'app.example.net.']]);
  await house.publishes('example.com.', 'A', ['192.0.2.1']);
  house.upstream.fail('app.example.net', 'nxdomain');
  await looks('app.example.net', 3);
  expect(await contents('example.com.', 'A')).toEqual(['192.0.2.1']);
});
