import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/until.ts';
import { type Ask, asker } from './support.ts';

let house: House;
let ask: Ask;

beforeAll(async () => {
  house = await openHouse();
  ask = asker(house.http);
});
afterAll(() => house?.close());

const error = (status: number, message: RegExp | string) => ({
  status,
  body: {
    status: 'error',
    error: {
      code: expect.any(String),
      message:
        typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    },
  },
});

async function makeZone(name: string): Promise<void> {
  const made = await ask('POST', '/v1/zones', {
    name,
    primaryNs: `ns1.${name}`,
    contact: `hostmaster@${name}`,
  });
  expect(made).toMatchObject({ status: 201 });
}

describe('zones', () => {
  test('are made, shown by name and by id, changed and deleted', async () => {
    const made = await ask('POST', '/v1/zones', {
      name: 'Life.Example',
      primaryNs: 'ns1.life.example',
      contact: 'hostmaster@life.example',
      refresh: 1200,
    });
    expect(made).toMatchObject({
      status: 201,
      headers: { location: '/v1/zones/life.example.' },
      body: {
        status: 'success',
        data: {
          message: expect.any(String),
          zone: {
            id: expect.any(String),
            name: 'life.example.',
            contact: 'hostmaster.life.example.',
            refresh: 1200,
          },
        },
      },
    });
    await until('the zone is published', async () =>
      Number.isInteger((await ask('GET', '/v1/zones/life.example')).body.data.serial),
    );
    const { id } = made.body.data.zone;
    const byName = await ask('GET', '/v1/zones/LIFE.example.');
    expect(byName).toMatchObject({
      status: 200,
      body: { status: 'success', data: { id, records: 1, problem: null } },
    });
    expect((await ask('GET', `/v1/zones/${id}`)).body.data.name).toBe('life.example.');

    const changed = await ask('PATCH', `/v1/zones/${id}`, { soaTtl: 60, serialPolicy: 'date' });
    expect(changed).toMatchObject({
      status: 200,
      body: { data: { zone: { soaTtl: 60, serialPolicy: 'date', refresh: 1200 } } },
    });
    expect((await ask('PATCH', `/v1/zones/${id}`, { serialPolicy: null })).body.data.zone.serialPolicy).toBe(
      null,
    );
    expect(await ask('DELETE', '/v1/zones/life.example')).toMatchObject({ status: 200 });
    expect(await ask('GET', '/v1/zones/life.example')).toMatchObject(error(404, 'life.example'));
    expect(await ask('DELETE', '/v1/zones/life.example')).toMatchObject(error(404, 'life.example'));
  });

  test('are listed a page at a time, and by how they begin', async () => {
    for (const letter of ['a', 'b', 'c']) await makeZone(`${letter}.page.example`);
    const first = await ask('GET', '/v1/zones?limit=2&after=a');
    const names = first.body.data.map((zone: { name: string }) => zone.name);
    expect(names).toEqual(['a.page.example.', 'b.page.example.']);
    const second = await ask('GET', `/v1/zones?limit=2&after=${first.body.next}`);
    expect(second.body.data[0].name).toBe('c.page.example.');
    const found = await ask('GET', '/v1/zones?search=B.page');
    expect(found.body).toMatchObject({ data: [{ name: 'b.page.example.' }], next: null, total: 1 });
    expect((await ask('GET', '/v1/zones?search=%25')).body.data).toEqual([]);
  });

  test('refuse what can not be', async () => {
    await makeZone('refuse.example');
    const good = { name: 'new.example', primaryNs: 'ns1.new.example', contact: 'h@new.example' };
    const cases: [object, number, RegExp][] = [
      [{ ...good, name: 'refuse.example' }, 409, /refuse\.example\. is there already/],
      [{ name: 'new.example', contact: 'h@new.example' }, 400, /^primaryNs: is missing/],
      [{ ...good, name: 7 }, 400, /^name: must be string/],
      [{ ...good, name: `${'a'.repeat(64)}.example` }, 422, /^name: /],
      [{ ...good, refresh: -1 }, 422, /^refresh: /],
      [{ ...good, serialPolicy: 'sometimes' }, 422, /^serialPolicy: takes increment, date, unixtime/],
      [{ ...good, colour: 'red' }, 400, /^colour: is not known/],
      [{ ...good, contact: 'a b' }, 422, /^contact: /],
    ];
    for (const [body, status, message] of cases)
      expect(await ask('POST', '/v1/zones', body)).toMatchObject(error(status, message));
    expect(await ask('PATCH', '/v1/zones/refuse.example', {})).toMatchObject(error(400, 'nothing to change'));
    expect(await ask('PATCH', '/v1/zones/refuse.example', { name: 'x.example' })).toMatchObject(
      error(400, /^name: /),
    );
    expect(await ask('GET', '/v1/zones/999999999999999999')).toMatchObject(error(404, 'zone'));
    expect(await ask('GET', '/v1/zones/99999999999999999999999999')).toMatchObject(error(404, 'zone'));
    expect(await ask('GET', '/v1/zones?limit=0')).toMatchObject(error(422, /^limit: /));
    expect(await ask('GET', '/v1/zones?limit=many')).toMatchObject(error(400, /^limit: /));
  });

  test('are changed only as they were read, where If-Match asks for it', async () => {
    await makeZone('match.example');
    const { etag } = (await ask('GET', '/v1/zones/match.example')).headers as { etag: string };
    const changed = await ask('PATCH', '/v1/zones/match.example', { retry: 61 }, { 'if-match': etag });
    expect(changed.status).toBe(200);
    expect(changed.headers.etag).not.toBe(etag);
    const late = await ask('PATCH', '/v1/zones/match.example', { retry: 62 }, { 'if-match': etag });
    expect(late).toMatchObject(error(412, 'read it again'));
    expect(await ask('DELETE', '/v1/zones/match.example', undefined, { 'if-match': etag })).toMatchObject(
      error(412, ''),
    );
    expect((await ask('GET', '/v1/zones/match.example')).body.data.retry).toBe(61);
    const now = changed.headers.etag as string;
    expect((await ask('DELETE', '/v1/zones/match.example', undefined, { 'if-match': now })).status).toBe(200);
  });

  test('of a name with a slash (RFC 2317) are reached with %2F', async () => {
    await makeZone('0/25.2.0.192.in-addr.arpa');
    expect((await ask('GET', '/v1/zones/0%2F25.2.0.192.in-addr.arpa')).body.data.name).toBe(
      '0/25.2.0.192.in-addr.arpa.',
    );
  });
});

describe('records', () => {
  beforeAll(() => makeZone('rec.example'));

  test('an ALIAS is made as at DNScale, and served', async () => {
    house.upstream.set('myapp.cloudprovider.com', { A: ['192.0.2.80'], ttl: 60 });
    const made = await ask('POST', '/v1/zones/rec.example/records', {
      name: '@',
      type: 'ALIAS',
      content: 'myapp.cloudprovider.com',
      ttl: 3600,
    });
    expect(made).toMatchObject({
      status: 201,
      body: {
        status: 'success',
        data: {
          message: expect.any(String),
          record: {
            id: expect.any(String),
            name: 'rec.example.',
            type: 'ALIAS',
            content: 'myapp.cloudprovider.com.',
            ttl: 3600,
            disabled: false,
          },
        },
      },
    });
    await house.publishes('rec.example.', 'A', ['192.0.2.80']);
    const { id } = made.body.data.record;
    const options = { answers: 'exact', fallback: ['192.0.2.9'], debugTxt: true };
    expect(await ask('PATCH', `/v1/zones/rec.example/records/${id}`, options)).toMatchObject({
      status: 200,
      body: { data: { record: options } },
    });
    await house.publishes('rec.example.', 'TXT', ['"ALIAS for myapp.cloudprovider.com."']);
    expect(
      await ask('PATCH', `/v1/zones/rec.example/records/${id}`, { fallback: ['cdn.example.net'] }),
    ).toMatchObject({ status: 422 });
    const aliases = await ask('GET', '/v1/zones/rec.example/aliases');
    expect(aliases.body).toMatchObject({
      data: [
        {
          target: 'myapp.cloudprovider.com.',
          ...options,
          published: ['192.0.2.80'],
          outcome: { a: 'found' },
        },
      ],
      total: 1,
    });
  });

  test('are shown, changed in part, disabled and deleted by id', async () => {
    const made = await ask('POST', '/v1/zones/rec.example/records', {
      name: 'www',
      type: 'a',
      content: '192.0.2.1',
    });
    const { id } = made.body.data.record;
    expect(made.headers.location).toBe(`/v1/zones/rec.example./records/${id}`);
    expect(made.body.data.record).toMatchObject({ name: 'www.rec.example.', type: 'A', ttl: 3600 });
    const path = `/v1/zones/rec.example/records/${id}`;
    expect((await ask('GET', path)).body).toMatchObject({
      status: 'success',
      data: { id, content: '192.0.2.1' },
    });
    const changed = await ask('PATCH', path, { content: '192.0.2.2' });
    expect(changed.body.data.record).toMatchObject({ id, content: '192.0.2.2', ttl: 3600, disabled: false });
    expect((await ask('PATCH', path, { ttl: 60, disabled: true })).body.data.record).toMatchObject({
      content: '192.0.2.2',
      ttl: 60,
      disabled: true,
    });
    expect(
      (await ask('PATCH', path, { name: 'web', type: 'TXT', content: '"x"' })).body.data.record,
    ).toMatchObject({
      name: 'web.rec.example.',
      type: 'TXT',
    });
    expect((await ask('DELETE', path)).body.data.record.id).toBe(id);
    for (const method of ['GET', 'DELETE']) expect(await ask(method, path)).toMatchObject(error(404, id));
    expect(await ask('PATCH', path, { ttl: 1 })).toMatchObject(error(404, id));
  });

  test('of another zone are not reached through this one', async () => {
    await makeZone('other.example');
    const [record] = (await ask('GET', '/v1/zones/other.example/records')).body.data;
    for (const [method, body] of [['GET'], ['DELETE'], ['PATCH', { ttl: 1 }]] as const)
      expect(await ask(method, `/v1/zones/rec.example/records/${record.id}`, body)).toMatchObject(
        error(404, record.id),
      );
  });

  test('are listed a page at a time, all of them once', async () => {
    await makeZone('many.example');
    for (let index = 0; index < 7; index++)
      await ask('POST', '/v1/zones/many.example/records', {
        name: `h${index % 3}`,
        type: 'A',
        content: `192.0.2.${index}`,
      });
    const seen: string[] = [];
    for (let after = ''; ; ) {
      const { body } = await ask(
        'GET',
        `/v1/zones/many.example/records?limit=3${after && `&after=${after}`}`,
      );
      seen.push(...body.data.map((record: { id: string }) => record.id));
      if (body.next === null) break;
      after = body.next;
    }
    expect(new Set(seen).size).toBe(8);
    expect(seen).toHaveLength(8);
    const some = await ask('GET', '/v1/zones/many.example/records?name=H1&type=a');
    expect(some.body.data.map((record: { content: string }) => record.content)).toEqual([
      '192.0.2.1',
      '192.0.2.4',
    ]);
    expect(await ask('GET', '/v1/zones/many.example/records?after=nonsense')).toMatchObject(
      error(422, /^after: /),
    );
    const gone = await ask('DELETE', '/v1/zones/many.example/records?name=h1&type=A');
    expect(gone.body.data.records).toHaveLength(2);
    expect(await ask('DELETE', '/v1/zones/many.example/records?name=h1&type=A')).toMatchObject(
      error(404, 'h1'),
    );
    expect(await ask('DELETE', '/v1/zones/many.example/records')).toMatchObject(
      error(400, /name: is missing/),
    );
  });

  test('refuse what can not be served, and name the field', async () => {
    const path = '/v1/zones/rec.example/records';
    const good = { name: 'bad', type: 'A', content: '192.0.2.1' };
    const cases: [unknown, number, RegExp][] = [
      [{ ...good, content: '999.1.1.1' }, 422, /^content: .*bad\.rec\.example\. A/],
      [{ ...good, type: 'NOSUCH' }, 422, /^type: .*NOSUCH/],
      [{ ...good, type: 'SOA', content: 'a. b. 1 2 3 4 5' }, 422, /^type: .*SOA/],
      [{ ...good, ttl: -1 }, 422, /^ttl: .*-1/],
      [{ ...good, ttl: 2 ** 31 }, 422, /^ttl: /],
      [{ ...good, ttl: '3600' }, 400, /^ttl: must be integer/],
      [{ ...good, name: 'out.example.' }, 422, /^name: .*outside its zone/],
      [{ ...good, name: 'a..b' }, 422, /^name: /],
      [{ type: 'A', content: '192.0.2.1' }, 400, /^name: is missing/],
      [{ ...good, priority: 1 }, 400, /^priority: is not known/],
      [{ name: '@', type: 'CNAME', content: 'x.example' }, 409, /CNAME/],
      [{ name: '@', type: 'ALIAS', content: 'x.example' }, 409, /ALIAS/],
      [{ name: 't', type: 'TXT', content: `"${'x'.repeat(256)}"` }, 422, /^content: /],
      ['{"name": ', 400, /^body: /],
      ['[]', 400, /^body: must be object/],
    ];
    for (const [body, status, message] of cases)
      expect(await ask('POST', path, body)).toMatchObject(error(status, message));
    expect(await ask('POST', '/v1/zones/nowhere.example/records', good)).toMatchObject(
      error(404, 'nowhere.example'),
    );
  });

  test('are changed only as they were read, where If-Match asks for it', async () => {
    const made = await ask('POST', '/v1/zones/rec.example/records', {
      name: 'm',
      type: 'A',
      content: '192.0.2.1',
    });
    const path = `/v1/zones/rec.example/records/${made.body.data.record.id}`;
    const { etag } = (await ask('GET', path)).headers as { etag: string };
    const answers = await Promise.all(
      [2, 3].map((last) => ask('PATCH', path, { content: `192.0.2.${last}` }, { 'if-match': etag })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 412]);
    expect(await ask('DELETE', path, undefined, { 'if-match': etag })).toMatchObject(
      error(412, 'read it again'),
    );
    expect((await ask('DELETE', path, undefined, { 'if-match': '*' })).status).toBe(200);
  });
});

describe('keys and secondaries', () => {
  test('a secondary is changed only as it was read, where If-Match asks for it', async () => {
    await ask('POST', '/v1/secondaries', { name: 'match', addresses: ['192.0.2.99'] });
    const path = '/v1/secondaries/match';
    const { etag } = (await ask('GET', path)).headers as { etag: string };
    const answers = await Promise.all(
      [1, 2].map((maxTransfers) => ask('PATCH', path, { maxTransfers }, { 'if-match': etag })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 412]);
    expect(await ask('DELETE', path, undefined, { 'if-match': etag })).toMatchObject(
      error(412, 'read it again'),
    );
    const now = answers.find(({ status }) => status === 200)?.headers.etag as string;
    expect((await ask('GET', path)).headers.etag).toBe(now);
    expect((await ask('DELETE', path, undefined, { 'if-match': now })).status).toBe(200);
    expect((await ask('DELETE', path, undefined, { 'if-match': now })).status).toBe(404);
  });

  test("a key's secret is told once, at its making", async () => {
    const made = await ask('POST', '/v1/keys', { name: 'Once-Key' });
    expect(made).toMatchObject({
      status: 201,
      body: { data: { key: { name: 'once-key', algorithm: 'hmac-sha256' } } },
    });
    const { secret, id } = made.body.data.key;
    expect(Buffer.from(secret, 'base64')).toHaveLength(32);
    const changed = await ask('PATCH', '/v1/keys/once-key', { algorithm: 'hmac-sha512' });
    expect(changed.body.data.key).toMatchObject({ id, algorithm: 'hmac-sha512' });
    for (const path of ['/v1/keys', `/v1/keys/${id}`, '/v1/keys/ONCE-key.', '/v1/status', '/v1/secondaries'])
      expect((await ask('GET', path)).text).not.toContain(secret);
    expect(changed.text).not.toContain(secret);
    expect(await ask('POST', '/v1/keys', { name: 'once-key' })).toMatchObject(error(409, 'is there already'));
    const bad = await ask('POST', '/v1/keys', { name: 'k2', secret: 'not base64!' });
    expect(bad).toMatchObject(error(422, /^secret: /));
    expect(bad.text).not.toContain('not base64!');
    expect(await ask('POST', '/v1/keys', { name: 'k2', algorithm: 'rot13' })).toMatchObject(
      error(422, /^algorithm: takes/),
    );
    expect((await ask('DELETE', `/v1/keys/${id}`)).text).not.toContain(secret);
    expect(await ask('GET', `/v1/keys/${id}`)).toMatchObject(error(404, id));
  });

  test('a secondary is registered, changed in part, shown and forgotten', async () => {
    await ask('POST', '/v1/keys', { name: 'used-key' });
    const made = await ask('POST', '/v1/secondaries', {
      name: 'ns1',
      addresses: ['192.0.2.53', '[2001:db8::53]:5353'],
      keys: ['used-key'],
      zones: ['Rec.Example'],
    });
    expect(made).toMatchObject({
      status: 201,
      body: {
        data: { secondary: { name: 'ns1', keys: ['used-key'], zones: ['rec.example.'], notify: true } },
      },
    });
    const { id } = made.body.data.secondary;
    expect(await ask('DELETE', '/v1/keys/used-key')).toMatchObject(error(409, 'ns1'));
    const changed = await ask('PATCH', `/v1/secondaries/${id}`, { zones: 'all', notify: false });
    expect(changed.body.data.secondary).toMatchObject({ zones: 'all', notify: false, keys: ['used-key'] });
    expect((await ask('GET', '/v1/secondaries/ns1')).body.data).toMatchObject({ id, name: 'ns1' });
    expect((await ask('GET', '/v1/secondaries')).body).toMatchObject({
      data: [{ id }],
      next: null,
      total: 1,
    });
    expect((await ask('GET', '/v1/secondaries/ns1/notifications')).body.data).toEqual([]);
    const add = (body: object) => ask('POST', '/v1/secondaries', body);
    expect(await add({ name: 'ns1', addresses: ['192.0.2.1'] })).toMatchObject(error(409, 'ns1'));
    expect(await add({ name: 'ns2', addresses: ['nowhere'] })).toMatchObject(
      error(422, /^addresses: .*nowhere/),
    );
    expect(await add({ name: 'ns2', addresses: [] })).toMatchObject(error(422, /^addresses: /));
    expect(await add({ name: 'ns2', addresses: ['192.0.2.1'], keys: ['none'] })).toMatchObject(
      error(422, /^keys: .*none/),
    );
    expect(await add({ name: 'ns2', addresses: ['192.0.2.1'], transferFrom: ['x'] })).toMatchObject(
      error(422, 'x'),
    );
    expect(await ask('DELETE', '/v1/secondaries/ns1')).toMatchObject({ status: 200 });
    expect(await ask('DELETE', `/v1/secondaries/${id}`)).toMatchObject(error(404, id));
  });
});

describe('resyncs and jobs', () => {
  test('a resync is a job that is followed to its end', async () => {
    house.upstream.set('followed.example.net', { A: ['192.0.2.90'], ttl: 60 });
    await house.zone('follow.example.', [['follow.example.', 'ALIAS', 'followed.example.net.']]);
    await house.publishes('follow.example.', 'A', ['192.0.2.90']);
    house.upstream.set('followed.example.net', { A: ['192.0.2.91'], ttl: 60 });
    const plan = await ask('POST', '/v1/resyncs/plan', { zones: ['follow.example'] });
    expect(plan.status).toBe(200);
    const begun = await ask('POST', '/v1/resyncs', { zones: ['follow.example'], reason: 'a test' });
    expect(begun).toMatchObject({
      status: 202,
      body: {
        status: 'success',
        data: { job: { id: expect.any(String), data: { zones: ['follow.example'] } } },
      },
    });
    const { id } = begun.body.data.job;
    expect(begun.headers.location).toBe(`/v1/jobs/${id}`);
    await until(
      'the job is done',
      async () => (await ask('GET', `/v1/jobs/${id}`)).body.data.state === 'completed',
    );
    for (const path of ['/v1/jobs', '/v1/resyncs'])
      expect((await ask('GET', `${path}/${id}`)).body.data).toMatchObject({
        id,
        result: { targets: 1, resolved: 1, failed: 0 },
        failedReason: null,
      });
    await house.publishes('follow.example.', 'A', ['192.0.2.91']);
    const listed = await ask('GET', '/v1/jobs?state=completed&limit=1000');
    expect(listed.body.data.map((job: { id: string }) => job.id)).toContain(id);
    const again = await ask('POST', `/v1/jobs/${id}/retry`);
    expect(again).toMatchObject({ status: 202 });
    await until(
      'the job is done again',
      async () => (await ask('GET', `/v1/jobs/${id}`)).body.data.state === 'completed',
    );
    expect(await ask('DELETE', `/v1/jobs/${id}`)).toMatchObject({ status: 200 });
    expect(await ask('GET', `/v1/jobs/${id}`)).toMatchObject(error(404, id));
  });

  test('a plan says what would change and changes nothing', async () => {
    house.upstream.set('planned.example.net', { A: ['192.0.2.1'], ttl: 3600 });
    await house.zone('plan.example.', [['plan.example.', 'ALIAS', 'planned.example.net.']]);
    await house.publishes('plan.example.', 'A', ['192.0.2.1']);
    const serial = await house.serial('plan.example.');
    house.upstream.set('planned.example.net', { A: ['192.0.2.2'], ttl: 3600 });
    const plan = await ask('POST', '/v1/resyncs/plan', { zones: ['plan.example'] });
    expect(plan.body.data).toMatchObject({
      targets: 1,
      resolved: 1,
      changedRecords: 2,
      changedZones: 1,
      zones: [
        { zone: 'plan.example.', deleted: [{ content: '192.0.2.1' }], added: [{ content: '192.0.2.2' }] },
      ],
    });
    expect(await house.serial('plan.example.')).toBe(serial);
  });

  test('refuse what makes no job', async () => {
    const before = (await ask('GET', '/v1/jobs?state=failed')).body.data.length;
    expect(await ask('POST', '/v1/resyncs', { zones: ['nowhere.example'] })).toMatchObject(
      error(422, /^zones: .*nowhere/),
    );
    expect(await ask('POST', '/v1/resyncs', { zones: 'all' })).toMatchObject(error(400, /^zones: /));
    expect(await ask('POST', '/v1/resyncs', { force: 1 })).toMatchObject(error(400, /^force: /));
    expect(await ask('GET', '/v1/jobs?state=lost')).toMatchObject(error(422, /^state: takes/));
    expect(await ask('POST', '/v1/jobs/nope/retry')).toMatchObject(error(404, 'nope'));
    expect((await ask('GET', '/v1/jobs?state=failed')).body.data).toHaveLength(before);
    expect((await ask('POST', '/v1/resyncs')).status).toBe(202);
  });
});

describe('status and NOTIFY', () => {
  test('status is everything on one screen', async () => {
    const status = await ask('GET', '/v1/status?limit=2');
    expect(status).toMatchObject({
      status: 200,
      body: {
        status: 'success',
        data: {
          zones: expect.any(Array),
          aliases: expect.any(Array),
          secondaries: expect.any(Array),
          problems: expect.any(Array),
          queue: { kind: 'postgresql', counts: { failed: expect.any(Number) } },
          processes: [{ alive: true }],
          totals: { zones: expect.any(Number) },
        },
      },
    });
    expect(status.body.data.zones.length).toBeLessThanOrEqual(2);
  });

  test('NOTIFY is counted before it is sent again', async () => {
    await house.zone('notify.example.');
    await ask('POST', '/v1/secondaries', {
      name: 'deaf',
      addresses: ['127.0.0.1:9'],
      zones: ['notify.example'],
    });
    await until(
      'the outbox has the zone',
      async () => (await ask('GET', '/v1/secondaries/deaf/notifications')).body.total === 1,
    );
    const planned = await ask('POST', '/v1/notifications', { zones: ['notify.example'], dryRun: true });
    expect(planned).toMatchObject({ status: 200, body: { data: { notifications: 1, zones: 1 } } });
    const sent = await ask('POST', '/v1/notifications', { zones: ['notify.example'] });
    expect(sent).toMatchObject({ status: 202, body: { data: { notifications: 1, zones: 1 } } });
    expect(await ask('POST', '/v1/notifications', { zones: ['nowhere.example'] })).toMatchObject(
      error(422, /^zones: /),
    );
  });
});
