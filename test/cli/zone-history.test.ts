import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { Hints } from '../../src/store/hints.ts';
import { Publisher } from '../../src/sync/publisher.ts';
import { lookAt, serialOf } from '../support/store.ts';
import { until } from '../support/until.ts';
import { type TestCli, testCli } from './support.ts';

let cli: TestCli;
let stop: () => Promise<void>;
let zone: string;

beforeAll(async () => {
  cli = await testCli();
  const hints = new Hints(cli.store.url, () => {});
  hints.start();
  const publisher = new Publisher({
    pool: cli.store.pool,
    hints,
    clock: { now: Date.now },
    log: silentLog,
    serialPolicy: 'increment',
  });
  publisher.start();
  stop = async () => {
    await publisher.stop();
    await hints.stop();
  };
  await cli.file(
    'a.zone',
    '$ORIGIN a.test.\n@ 300 SOA ns1 h 1 3600 600 604800 60\n@ NS ns1\nns1 A 192.0.2.1\nwww A 192.0.2.2\n@ ALIAS cdn.example.net.\n',
  );
  await cli.ok('zone', 'import', `${cli.folder}/a.zone`);
  const { rows } = await cli.store.operator.query('select id from zones');
  zone = rows[0].id;
  await settledAt(1);
  await lookAt(cli.store, {
    'cdn.example.net.': {
      a: {
        kind: 'found',
        addresses: ['198.51.100.1'],
        ttl: 60,
        resolver: '192.0.2.53',
        chain: ['edge.example.net.'],
      },
      aaaa: { kind: 'nodata', resolver: '192.0.2.53' },
    },
  });
  await settledAt(2);
  await cli.ok('record', 'set', 'a.test', 'www', 'A', '--content', '192.0.2.3');
  await settledAt(3);
}, 60_000);
afterAll(async () => {
  await stop?.();
  await cli?.close();
});

const settledAt = (serial: number) =>
  until(`serial ${serial}`, async () => (await serialOf(cli.store, zone)) === serial);

test('zone history has each version with why', async () => {
  const shown = await cli.ok('zone', 'history', 'a.test');
  expect(shown).toMatch(/^ *3 +2 +20\S+Z +1 +1 +edit by \S.* on the command line$/m);
  expect(shown).toMatch(
    /^ *2 +1 +20\S+Z +0 +1 +cdn\.example\.net\. moved, A found by 192\.0\.2\.53 over edge\.example\.net\.; AAAA nodata by 192\.0\.2\.53$/m,
  );
  const [newest, ...others] = await cli.json<{ serial: number; from: number; causes: object[] }[]>(
    ...['zone', 'history', 'a.test', '--limit', '1'],
  );
  expect(others).toEqual([]);
  expect(newest).toMatchObject({ serial: 3, from: 2, causes: [{ by: 'cli' }] });
  expect(await cli.fails(1, 'zone', 'history', 'none.test')).toContain('no zone none.test.');
});

test('zone diff shows what changed, either way', async () => {
  const lines = (await cli.ok('zone', 'diff', 'a.test', '1', '3')).trimEnd().split('\n');
  expect(lines).toEqual([
    '- a.test. 300 IN SOA ns1.a.test. h.a.test. 1 3600 600 604800 60',
    '- www.a.test. 300 IN A 192.0.2.2',
    '+ a.test. 300 IN SOA ns1.a.test. h.a.test. 3 3600 600 604800 60',
    '+ a.test. 60 IN A 198.51.100.1',
    '+ www.a.test. 300 IN A 192.0.2.3',
  ]);
  const back = (await cli.ok('zone', 'diff', 'a.test', '3', '1')).trimEnd().split('\n');
  expect(back.filter((line) => !line.includes('SOA')).sort()).toEqual([
    '+ www.a.test. 300 IN A 192.0.2.2',
    '- a.test. 60 IN A 198.51.100.1',
    '- www.a.test. 300 IN A 192.0.2.3',
  ]);
  expect(await cli.json('zone', 'diff', 'a.test', '2')).toMatchObject({
    from: 2,
    to: 3,
    added: [{}, {}].map(() => expect.any(String)),
  });
  expect(await cli.fails(1, 'zone', 'diff', 'a.test', '77', '3')).toMatch(
    /does not reach serial 77: it goes back to serial 1/,
  );
  expect(await cli.fails(2, 'zone', 'diff', 'a.test', 'x')).toContain('whole number');
});

test('alias why names the answer, when and from whom', async () => {
  const shown = await cli.ok('alias', 'why', 'a.test', '@');
  expect(shown).toContain('a.test. 300 IN ALIAS cdn.example.net.');
  expect(shown).toContain('  a.test. 60 IN A 198.51.100.1');
  expect(shown).toMatch(/since \S+, serial 2: cdn\.example\.net\. moved/);
  expect(shown).toMatch(
    / {2}A {4}found 198\.51\.100\.1 TTL 60 over edge\.example\.net\. by 192\.0\.2\.53, 20/,
  );
  expect(shown).toMatch(/^next look 20/m);
  expect(await cli.json('alias', 'why', 'a.test', '@')).toMatchObject({ target: 'cdn.example.net.' });
  expect(await cli.fails(1, 'alias', 'why', 'a.test', 'www')).toContain('no ALIAS at www.a.test.');
});

test('zone rollback shows what it would do, and does it under a new serial', async () => {
  const plan = await cli.ok('zone', 'rollback', 'a.test', '--to', '2', '--dry-run');
  expect(plan).toContain('- www.a.test. 300 IN A 192.0.2.3\n+ www.a.test. 300 IN A 192.0.2.2\n');
  expect(plan).toMatch(/would go back to the source of serial 2: 1 record out, 1 record in$/m);
  expect(await serialOf(cli.store, zone)).toBe(3);
  expect(await cli.ok('zone', 'rollback', 'a.test', '--to', '2')).toMatch(
    /went back to the source of serial 2: 1 record out, 1 record in; published under serial 4$/m,
  );
  expect(await cli.json('zone', 'history', 'a.test', '--limit', '1')).toMatchObject([
    { serial: 4, causes: [{ by: 'cli', action: 'rollback to 2' }] },
  ]);
  expect(await cli.json('zone', 'rollback', 'a.test', '--to', '2')).toMatchObject({
    removed: 0,
    restored: 0,
    serial: null,
  });
  expect(await cli.fails(1, 'zone', 'rollback', 'a.test', '--to', '99')).toContain('goes back to serial 1');
  expect(await cli.fails(2, 'zone', 'rollback', 'a.test')).toContain('--to');
});
