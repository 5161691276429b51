import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestCli, testCli } from './support.ts';

let cli: TestCli;
beforeAll(async () => {
  cli = await testCli();
});
afterAll(() => cli.close());

const COMMANDS = [
  'serve',
  'migrate',
  'env',
  'zone import',
  'zone add',
  'zone set',
  'zone list',
  'zone show',
  'zone delete',
  'zone export',
  'record add',
  'record set',
  'record list',
  'record delete',
  'key add',
  'key list',
  'key show',
  'key delete',
  'secondary add',
  'secondary set',
  'secondary list',
  'secondary show',
  'secondary delete',
  'secondary config',
  'secondary check',
  'resync',
  'notify',
  'status',
  'doctor',
  'jobs',
  'job',
  'job retry',
];

test.each(COMMANDS)('%s --help ends well and has an example', async (command) => {
  const text = await cli.ok(...command.split(' '), '--help');
  expect(text).toMatch(/^Usage: zoneferry /);
  expect(text).toMatch(/Examples?:\n {2}\$ /);
  expect(text).toContain('--json');
});

test('the help of all names every group', async () => {
  const text = await cli.ok('--help');
  for (const command of COMMANDS) expect(text).toMatch(new RegExp(`^ {2}${command.split(' ')[0]} `, 'm'));
  expect(await cli.ok('help', 'zone')).toContain('import');
  expect(await cli.ok('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe('wrong usage ends with 2', () => {
  test.each([
    [[], /command is missing/],
    [['zone'], /command is missing/],
    [['zonne'], /unknown command 'zonne'.*zone/],
    [['zone', 'shoo'], /unknown command 'shoo'/],
    [['zone', 'show'], /missing required argument 'name'/],
    [['zone', 'show', 'a..b'], /empty label/],
    [['zone', 'list', '--jsn'], /unknown option '--jsn'.*--json/],
    [['zone', 'list', 'extra'], /too many arguments/],
    [['zone', 'add', 'a.test', '--primary', 'ns1.a.test'], /required option '--contact/],
    [['zone', 'add', 'a.test', '--primary', 'ns..x', '--contact', 'h@a.test'], /--primary.*empty label/],
    [['zone', 'set', 'a.test'], /nothing to change/],
    [['zone', 'set', 'a.test', '--refresh', '1.5'], /whole number/],
    [['zone', 'set', 'a.test', '--refresh', '0'], /whole number from 1/],
    [['zone', 'set', 'a.test', '--serial-policy', 'random'], /increment, date, unixtime/],
    [['record', 'add', 'a.test', 'www', 'A', '192.0.2.1', '--ttl', 'soon'], /whole number/],
    [['record', 'set', 'a.test', 'www', 'A'], /nothing to change/],
    [['record', 'set', 'a.test', 'www', 'A', '--enable', '--disable'], /exclude/],
    [['key', 'add', 'k', '--algorithm', 'rot13'], /hmac-sha256/],
    [['key', 'add', 'k', '--secret', 'not base64!'], /takes base64/],
    [['secondary', 'add', 's'], /required option '--address/],
    [['secondary', 'add', 's', '--address', '192.0.2.300'], /no IP/],
    [['secondary', 'add', 's', '--address', '192.0.2.1:0'], /no IP/],
    [['secondary', 'add', 's', '--address', '192.0.2.1', '--transfer-from', '192.0.2.0/33'], /no range/],
    [['secondary', 'set', 's'], /nothing to change/],
    [['secondary', 'config', 's', '--for', 'djbdns'], /bind, nsd, knot, powerdns/],
    [['serve', '--roles', 'transfer,king'], /"king" is no role/],
    [['resync', '--wait', '--dry-run'], /exclude/],
    [['status', '--watch', '--json'], /exclude/],
    [['jobs', '--state', 'lost'], /waiting, active/],
    [['job'], /missing required argument 'id'/],
    [['env', 'NO_SUCH_SETTING'], /no setting/],
  ] as [string[], RegExp][])('%j', async (args, message) => {
    expect(await cli.fails(2, ...args)).toMatch(message);
  });
});

test('the secret of a key is no part of an error', async () => {
  const { stderr } = await cli.run('key', 'add', 'k', '--secret', 'pässwörd-of-mine');
  expect(stderr).not.toContain('of-mine');
});

test('an unreachable database and a bad setting are one line', async () => {
  const away = await testCli({ DATABASE_URL: 'postgresql://127.0.0.1:9/x' });
  expect(await away.fails(1, 'zone', 'list')).toMatch(/PostgreSQL can't be reached.*ECONNREFUSED/);
  await away.close();
  const bad = await testCli({ RESOLVE_TRIES: 'many' });
  expect(await bad.fails(1, 'zone', 'list')).toMatch(/^error: RESOLVE_TRIES: got "many", takes/);
  await bad.close();
});
