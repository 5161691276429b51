/** The checker sees what it is there for: each kind of wrong, shown to it, is a violation. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LyingSecondary } from '../notify/lying-secondary.ts';
import { until } from '../support/until.ts';
import { watchAway } from './support/away.ts';
import { Checker, type Watched } from './support/checker.ts';
import { Random } from './support/random.ts';
import { Traffic } from './support/traffic.ts';

const ZONE = 'z.fault.test.';
const of = (...lines: string[]) => ({ serial: 7, lines: new Set(lines) });

let liar: LyingSecondary;
let checker: Checker;
let server: Watched;
beforeEach(async () => {
  liar = await LyingSecondary.start();
  server = { name: 'liar', address: '127.0.0.1', port: liar.server.endpoint.port };
  checker = new Checker([ZONE]);
});
afterEach(async () => {
  await checker.stop();
  await liar.close();
});

/** What was violated, without the times. */
const words = () => checker.violations.map((violation) => violation.slice(violation.indexOf(' ') + 1));

test('a serial that goes back, on the ring of RFC 1982', async () => {
  liar.serials.set(ZONE, 0xffff_fffe);
  checker.watch(server);
  await until('it is sampled', async () => checker.counts.serials > 1);
  liar.serials.set(ZONE, 3);
  const before = checker.counts.serials;
  await until('it is sampled again', async () => checker.counts.serials > before + 1);
  expect(checker.violations).toEqual([]);
  liar.serials.set(ZONE, 2);
  await until('it is seen', async () => checker.violations.length > 0);
  expect(checker.violations[0]).toContain(`liar: the serial of ${ZONE} went back from 3 to 2`);
});

test('a serial that stands for two contents, at two servers or at one', () => {
  checker.sawContent('one', ZONE, of('a 60 A 0a000001'));
  checker.sawContent('other', ZONE, of('a 60 A 0a000001'));
  expect(checker.violations).toEqual([]);
  checker.sawContent('other', ZONE, of('a 60 A 0a000002'));
  expect(words()).toEqual([
    `${ZONE} 7 is one content at one and another at other: -a 60 A 0a000001; +a 60 A 0a000002`,
  ]);
});

test('half of a transaction, and one that is lost', async () => {
  const traffic = new Traffic('postgresql://127.0.0.1:9/x', { set: () => {} } as never, new Random(1));
  const text = (name: string, number: number) =>
    `${name}.${ZONE} 60 TXT 01${Buffer.from(String(number)).toString('hex')}`;
  checker.judge = (zone, sighting) => traffic.judge(zone, sighting);
  checker.sawContent('one', ZONE, of(text('left', 4), text('right', 4)));
  expect(checker.violations).toEqual([]);
  checker.sawContent('two', ZONE, { ...of(text('left', 5), text('right', 4)), serial: 8 });
  expect(words()).toEqual([`two: ${ZONE} 8: torn: left has 5, right has 4`]);
  const plot = { zone: ZONE, id: '1', target: 't', address: '198.51.0.1', sent: 6, confirmed: 5 };
  const address = `${ZONE} 1 A c6330001`;
  expect(traffic.missing(plot, of(text('left', 5), text('right', 5), address))).toEqual([]);
  expect(traffic.missing(plot, of(text('left', 4), text('right', 4), address))).toEqual([
    `${ZONE} has transaction 4; 5 was confirmed, 6 was sent last`,
  ]);
  expect(traffic.missing(plot, of(text('left', 6), text('right', 6)))).toEqual([
    `${ZONE} has the addresses [], its target 198.51.0.1`,
  ]);
});

test('an answer of ours that is older than a NOTIFY, but of a process that says that PostgreSQL is away', async () => {
  const line = (msg: string) => `{"time":"${new Date().toISOString()}","msg":"${msg}"}\n`;
  const away = line('PostgreSQL does not answer: the last confirmed versions are served until their EXPIRE');
  let log = line('ready');
  let meanwhile = '';
  checker.watchAway = () => {
    const wasAway = watchAway(() => log);
    log += meanwhile;
    return wasAway;
  };
  liar.serials.set(ZONE, 5);
  await checker.notified(ZONE, 5, [server]);
  // it was so before it was asked; it came to be so meanwhile, and ended
  log += away;
  await checker.notified(ZONE, 6, [server]);
  log += line('PostgreSQL answers again');
  meanwhile = away + line('PostgreSQL answers again');
  await checker.notified(ZONE, 6, [server]);
  meanwhile = '';
  expect(checker.violations).toEqual([]);
  await checker.notified(ZONE, 6, [server]);
  expect(words()).toEqual([`liar: answered 5 for ${ZONE} after NOTIFY of 6`]);
  // killed while it was so: what begins anew is not excused
  log += away + line('ready');
  await checker.notified(ZONE, 6, [server]);
  expect(words()).toHaveLength(2);
});

test('a server whose processes of before and after a reload answer may waver, for a while', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    checker.watch({ ...server, name: 'wavers', wavers: true });
    const shows = (serial: number) =>
      checker.sawSerial('wavers', ZONE, serial, checker.shown('wavers', ZONE) ?? serial);
    for (const serial of [5, 6, 5, 6, 5]) shows(serial);
    vi.advanceTimersByTime(14_000);
    for (const serial of [6, 5, 7, 5]) shows(serial);
    expect(checker.violations).toEqual([]);
    // one that is left behind is none that wavers, whatever the others answer in between
    vi.advanceTimersByTime(2_000);
    for (const serial of [7, 6, 7]) shows(serial);
    expect(checker.violations).toEqual([]);
    shows(5);
    expect(words()).toEqual([`wavers: the serial of ${ZONE} went back from 7 to 5`]);
  } finally {
    vi.useRealTimers();
  }
});

test('no answer at all is no violation', async () => {
  liar.queryRcode = undefined;
  checker.watch(server);
  await until('it was asked', async () => liar.asked > 1);
  await pause(0);
  expect(checker.violations).toEqual([]);
});
