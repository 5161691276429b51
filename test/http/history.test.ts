import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/until.ts';
import { type Ask, asker } from './support.ts';

const ZONE = 'past.test.';
let house: House;
let ask: Ask;

beforeAll(async () => {
  house = await openHouse();
  ask = asker(house.http);
  house.upstream.set('cdn.example.net', { A: ['198.51.100.1'], ttl: 60 });
  await house.zone(ZONE, [
    [`www.${ZONE}`, 'A', '192.0.2.1'],
    [ZONE, 'ALIAS', 'cdn.example.net.'],
  ]);
  await house.publishes(ZONE, 'A', ['198.51.100.1']);
});
afterAll(() => house?.close());

test('history, difference and the way back', async () => {
  const before = await house.serial(ZONE);
  const [record] = (await ask('GET', `/v1/zones/${ZONE}/records?name=www&type=A`)).body.data;
  await ask('PATCH', `/v1/zones/${ZONE}/records/${record.id}`, { content: '192.0.2.2' });
  await house.publishes(`www.${ZONE}`, 'A', ['192.0.2.2']);
  const after = await house.serial(ZONE);

  const history = (await ask('GET', `/v1/zones/${ZONE}/history?limit=1`)).body;
  expect(history).toMatchObject({
    total: 2,
    data: [
      { serial: after, from: before, deleted: 1, added: 1, causes: [{ by: 'api', actor: 'api' }], more: 0 },
    ],
  });
  const all = (await ask('GET', `/v1/zones/${ZONE}/history`)).body.data;
  expect(all[1].causes).toMatchObject([
    {
      by: 'alias',
      target: 'cdn.example.net.',
      looks: [{ family: 'A', outcome: 'found' }, { family: 'AAAA' }],
    },
  ]);
  const diff = (await ask('GET', `/v1/zones/${ZONE}/diff?from=${before}`)).body.data;
  expect(diff).toMatchObject({ from: before, to: after });
  expect(diff.deleted).toEqual([
    expect.stringContaining(` SOA ns1.${ZONE} h.${ZONE} ${before} `),
    `www.${ZONE} 3600 IN A 192.0.2.1`,
  ]);
  expect(diff.added).toEqual([expect.stringContaining(' SOA '), `www.${ZONE} 3600 IN A 192.0.2.2`]);

  const plan = await ask('POST', `/v1/zones/${ZONE}/rollback`, { to: before, dryRun: true });
  expect(plan).toMatchObject({
    status: 200,
    body: { data: { dryRun: true, removed: 1, restored: 1, soaChanges: false } },
  });
  expect(await house.serial(ZONE)).toBe(after);
  expect((await ask('POST', `/v1/zones/${ZONE}/rollback`, { to: before })).status).toBe(200);
  await house.publishes(`www.${ZONE}`, 'A', ['192.0.2.1']);
  await until('the cause', async () => {
    const [newest] = (await ask('GET', `/v1/zones/${ZONE}/history?limit=1`)).body.data;
    return newest.causes[0].action === `rollback to ${before}`;
  });
});

test('what is gone, malformed or unknown is said', async () => {
  expect(await ask('GET', `/v1/zones/${ZONE}/diff?from=77777`)).toMatchObject({ status: 404 });
  expect((await ask('GET', `/v1/zones/${ZONE}/diff?from=x`)).status).toBe(422);
  expect((await ask('GET', `/v1/zones/none.test/history`)).status).toBe(404);
  const gone = await ask('POST', `/v1/zones/${ZONE}/rollback`, { to: 77777 });
  expect(gone).toMatchObject({
    status: 409,
    body: { error: { message: expect.stringContaining('goes back to serial') } },
  });
  expect((await ask('POST', `/v1/zones/${ZONE}/rollback`, { to: 'x' })).status).toBe(400);
});

test('why an ALIAS publishes what it does', async () => {
  const { body } = await ask('GET', `/v1/zones/${ZONE}/aliases/why?name=@`);
  expect(body.data).toMatchObject({
    name: ZONE,
    target: 'cdn.example.net.',
    published: [{ type: 'A', content: '198.51.100.1' }],
    heldReason: null,
    lastChange: { reason: { causes: [{ by: 'alias' }] } },
  });
  expect(body.data.looks.map((look: { outcome: string }) => look.outcome)).toContain('found');
  expect((await ask('GET', `/v1/zones/${ZONE}/aliases/why?name=www`)).status).toBe(404);
});
