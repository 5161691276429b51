import { afterEach, beforeEach, expect, test } from 'vitest';
import { asker } from '../http/support.ts';
import { LyingSecondary } from '../notify/lying-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { axfr, ixfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const ZONE = 'example.com.';
const ID = /^[0-9a-f]{32}$/;
let house: House;
let ns1: LyingSecondary;

beforeEach(async () => {
  ns1 = await LyingSecondary.start();
  ns1.follows = true;
});

afterEach(async () => {
  await house.close();
  await ns1.close();
});

async function begin(roles?: Parameters<typeof openHouse>[1]): Promise<string> {
  house = await openHouse({}, roles);
  await house.operator.query(`insert into secondaries (name, addresses) values ('ns1', $1)`, [[ns1.address]]);
  return house.zone(ZONE, [['www.example.com.', 'A', '192.0.2.1']]);
}

/** The lines of one change, each with its first word or two. */
function follow(id: string): string[] {
  return house.entries.filter(({ fields }) => fields.change === id).map(({ message }) => message);
}

async function changeOf(serial: number): Promise<string> {
  const history = await until(`serial ${serial} in the history`, async () => {
    const { body } = await asker(house.http)('GET', `/v1/zones/${ZONE}/history`);
    return body.data?.find((version: { serial: number }) => version.serial === serial);
  });
  expect(history.change).toMatch(ID);
  return history.change;
}

async function served(id: string): Promise<string[]> {
  return until(
    'the whole walk is in the log',
    async () => {
      const lines = follow(id);
      return lines.some((line) => /^ns1 serves /.test(line)) && lines.some((line) => /ended:/.test(line))
        ? lines
        : undefined;
    },
    { explain: () => follow(id).join('\n') },
  );
}

test('a change in SQL has one id from its commit to the transfer, which its client may choose', async () => {
  await begin();
  const chosen = '4bf92f3577b34da6a3ce929d0e0e4736';
  await house.publishes('www.example.com.', 'A', ['192.0.2.1']);
  const client = await house.operator.connect();
  await client.query(`begin; set local zoneferry.change = '${chosen}'`);
  await client.query(`update records set content = '192.0.2.2' where name = 'www.example.com.'`);
  await client.query('commit');
  client.release();
  await house.publishes('www.example.com.', 'A', ['192.0.2.2']);
  const serial = await house.serial(ZONE);
  await ixfr({ ...house.dns, zone: ZONE, serial: serial - 1 });
  expect(await changeOf(serial)).toBe(chosen);
  const lines = await served(chosen);
  for (const line of [
    /^example.com. published, serial 1 -> 2$/,
    /^secondary answered NOTIFY$/,
    /IXFR started.*serial 1 -> 2/,
    /IXFR ended: .*serial 1 -> 2/,
    /^ns1 serves example.com., serial 2, \d+ ms after its commit$/,
  ])
    expect(lines.filter((one) => line.test(one))).toHaveLength(1);
});

test('statements of one transaction share an id, transactions do not; what shares a version is named with it', async () => {
  const zone = await begin();
  await house.publishes('www.example.com.', 'A', ['192.0.2.1']);
  const client = await house.operator.connect();
  // nothing is published while the zone's row is held, so both go into one version
  await client.query('begin');
  await client.query('select from zones where id = $1 for no key update', [zone]);
  const other = await house.operator.connect();
  await other.query('begin');
  for (const number of [1, 2])
    await other.query(
      `insert into records (zone_id, name, type, content) values ($1, $2, 'A', '192.0.2.9')`,
      [zone, `a${number}.${ZONE}`],
    );
  await other.query('commit');
  await other.query(`set zoneferry.change = 'nonsense'`);
  await other.query(
    `insert into records (zone_id, name, type, content) values ($1, 'b.example.com.', 'A', '192.0.2.9')`,
    [zone],
  );
  await other.query('reset zoneferry.change');
  const { rows } = await other.query('select owner, change from zone_marks where zone_id = $1 order by id', [
    zone,
  ]);
  other.release();
  expect(rows.map(({ owner }) => owner).sort()).toEqual([
    'a1.example.com.',
    'a2.example.com.',
    'b.example.com.',
  ]);
  for (const { change } of rows) expect(change).toMatch(ID);
  expect(new Set(rows.map(({ change }) => change)).size).toBe(2);
  await client.query('commit');
  client.release();
  await house.publishes('b.example.com.', 'A', ['192.0.2.9']);
  const { body } = await asker(house.http)('GET', `/v1/zones/${ZONE}/history`);
  const [version] = body.data;
  expect([version.change, ...version.joined].sort()).toEqual(
    [...new Set(rows.map(({ change }) => change))].sort(),
  );
  const published = await until('it is said', async () =>
    house.entries.find(({ fields }) => fields.change === version.change),
  );
  expect(published.fields).toMatchObject({ joined: version.joined });
});

test('a target that moves has the id of its job, and an edit through the API the one that its answer names', async () => {
  await begin();
  const ask = asker(house.http);
  house.upstream.set('cdn.example.net', { A: ['192.0.2.1'], ttl: 1 });
  const made = await ask('POST', `/v1/zones/${ZONE}/records`, {
    name: '@',
    type: 'ALIAS',
    content: 'cdn.example.net',
  });
  expect(made.status).toBe(201);
  const edit = String(made.headers['zoneferry-change']);
  expect(edit).toMatch(ID);
  await house.publishes(ZONE, 'A', ['192.0.2.1']);
  house.upstream.set('cdn.example.net', { A: ['192.0.2.2'], ttl: 1 });
  await house.publishes(ZONE, 'A', ['192.0.2.2']);
  const serial = await house.serial(ZONE);
  const change = await changeOf(serial);
  const { result } = await axfr({ ...house.dns, zone: ZONE });
  expect(result.kind).toBe('axfr');
  const lines = await served(change);
  expect(lines).toEqual(
    expect.arrayContaining([expect.stringMatching(/^cdn.example.net. changed its addresses$/)]),
  );
  const looked = house.entries.find(
    ({ message, fields }) => fields.change === change && /changed its addresses/.test(message),
  );
  const { body } = await ask('GET', `/v1/jobs/${looked?.fields.job}`);
  expect(body.data.change).toBe(change);
  // the answer to a request that changes nothing names nothing
  expect((await ask('GET', `/v1/zones/${ZONE}`)).headers['zoneferry-change']).toBeUndefined();
  // the edit gave no addresses yet, or the ones known: either way it is in the history or was no version of its own
  const versions = (await ask('GET', `/v1/zones/${ZONE}/history`)).body.data;
  const of = versions.flatMap((one: { change: string; joined: string[] }) => [one.change, ...one.joined]);
  expect(of).toContain(change);
});

test('processes that only transfer find it by the version that they serve', async () => {
  await begin(['worker', 'scheduler', 'api']);
  await house.publishes('www.example.com.', 'A', ['192.0.2.1']);
  const { freePort } = await import('../support/secondaries/ports.ts');
  const port = await freePort();
  // read with all versions at the start, and as a change afterwards
  await house.addService(['transfer'], { DNS_LISTEN: `127.0.0.1:${port}` });
  const dns = { host: '127.0.0.1', port, zone: ZONE };
  const changes = new Set<string>();
  for (const address of ['192.0.2.2', '192.0.2.3']) {
    await axfr(dns);
    const lines = house.entries.filter(({ message }) => /AXFR ended/.test(message));
    changes.add(String(lines.at(-1)?.fields.change));
    await house.operator.query(`update records set content = $1 where type = 'A'`, [address]);
    await house.publishes('www.example.com.', 'A', [address]);
  }
  await until('both serials were served', async () => {
    await axfr(dns);
    const ended = house.entries.filter(({ message }) => /AXFR ended/.test(message));
    const { rows } = await house.operator.query(
      `select encode(uuid_send(published_change), 'hex') as change, published_serial as serial from zones`,
    );
    return ended.some(
      ({ fields }) => fields.change === rows[0].change && fields.serial === Number(rows[0].serial),
    );
  });
});
