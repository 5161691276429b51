import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { isNewer } from '../../src/dns/serial.ts';
import { TYPE } from '../../src/dns/types.ts';
import { formatEndpoint } from '../../src/endpoint.ts';
import { Dispatcher } from '../../src/notify/dispatcher.ts';
import type { DueNotification, NotificationResult, NotifyOutbox, PeerName } from '../../src/notify/outbox.ts';
import { Sender } from '../../src/notify/sender.ts';
import { acknowledge, bareReply, FakeSecondary } from './fake-secondary.ts';

interface Row extends DueNotification {
  nextAt: number;
  acked: number | undefined;
  rcode: number | undefined;
  error: string | undefined;
}

/** The outbox in memory, for the dispatcher's own rules; the real one is tested with the store. */
class MemoryOutbox implements NotifyOutbox {
  readonly rows: Row[] = [];
  readonly settled: NotificationResult[] = [];
  readonly hastened: PeerName[] = [];
  failClaims = 0;
  failSettles = 0;
  /** Whether it gives rows of peers that are full, as an outbox may. */
  heedless = false;
  #hint: (() => void) | undefined;

  async claim(limit: number, except: readonly PeerName[]): Promise<DueNotification[]> {
    if (this.failClaims-- > 0) throw new Error('connection terminated');
    const now = Date.now();
    const isFull = (row: Row) =>
      except.some((peer) => peer.secondaryId === row.secondaryId && peer.addressText === row.addressText);
    const due = this.rows
      .filter((row) => row.nextAt <= now && row.acked !== row.serial && (this.heedless || !isFull(row)))
      .sort((a, b) => a.nextAt - b.nextAt)
      .slice(0, limit);
    for (const row of due) Object.assign(row, { nextAt: now + 15_000, attempts: row.attempts + 1 });
    return due.map((row) => ({ ...row }));
  }

  async settle(results: readonly NotificationResult[]): Promise<void> {
    if (this.failSettles-- > 0) throw new Error('connection terminated');
    for (const result of results) {
      this.settled.push(result);
      const row = this.rows.find(
        (each) => each.zoneId === result.zoneId && each.secondaryId === result.secondaryId,
      );
      if (row === undefined) continue;
      row.rcode = result.rcode;
      row.error = result.error;
      if (result.rcode !== undefined && result.nextAt === undefined) row.acked = result.serial;
      if (row.serial === result.serial && result.nextAt) row.nextAt = result.nextAt.getTime();
    }
  }

  async nextDue(): Promise<Date | undefined> {
    const waiting = this.rows.filter((row) => row.acked !== row.serial).map((row) => row.nextAt);
    return waiting.length > 0 ? new Date(Math.min(...waiting)) : undefined;
  }

  onHint(callback: () => void): () => void {
    this.#hint = callback;
    return () => {
      this.#hint = undefined;
    };
  }

  async hasten(peer: PeerName, by: Date): Promise<void> {
    this.hastened.push(peer);
    for (const row of this.rows) row.nextAt = Math.min(row.nextAt, by.getTime());
  }

  /** Adds a row, or moves it to another serial. */
  publish(zone: string, serial: number, to: FakeSecondary, attempts = 0): Row {
    const soa = parseRdata(TYPE.SOA, `ns1.${zone} hostmaster.${zone} ${serial} 3600 600 86400 300`);
    const address = to.endpoint;
    const secondaryId = String(address.port);
    let row = this.rows.find((each) => each.zone === zone && each.secondaryId === secondaryId);
    const fresh = { serial, soa, attempts, nextAt: Date.now() };
    if (row === undefined) {
      row = {
        zoneId: zone,
        zone,
        zoneWire: absoluteName(zone),
        soaTtl: 60,
        secondaryId,
        secondary: `secondary at ${address.port}`,
        address,
        addressText: formatEndpoint(address),
        committedAt: new Date(),
        checkAt: [],
        acked: undefined,
        rcode: undefined,
        error: undefined,
        ...fresh,
      };
      this.rows.push(row);
    } else Object.assign(row, fresh);
    this.#hint?.();
    return row;
  }

  get unanswered(): number {
    return this.rows.filter((row) => row.acked !== row.serial).length;
  }
}

let outbox: MemoryOutbox;
let sender: Sender;
const closing: (() => Promise<void>)[] = [];
beforeEach(() => {
  outbox = new MemoryOutbox();
  sender = new Sender({ from: { ipv4: '127.0.0.1' }, clock: systemClock });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  sender.close();
});

async function secondary(): Promise<FakeSecondary> {
  const started = await FakeSecondary.start();
  closing.push(() => started.close());
  return started;
}

function dispatch(options: { rate?: number } = {}): Dispatcher {
  const dispatcher = new Dispatcher({ outbox, sender, clock: systemClock, ...options });
  closing.unshift(() => dispatcher.stop());
  dispatcher.start();
  return dispatcher;
}

const until = (check: () => void, timeout = 5_000) => vi.waitFor(check, { timeout, interval: 5 });

test('what was due before the start goes out, each to its secondary, and is settled when answered', async () => {
  const [one, two] = [await secondary(), await secondary()];
  for (let zone = 0; zone < 300; zone++) {
    outbox.publish(`z${zone}.example.`, 5, one);
    outbox.publish(`z${zone}.example.`, 5, two);
  }
  dispatch();
  await until(() => expect(outbox.unanswered).toBe(0));
  for (const each of [one, two]) {
    expect(new Set(each.received.map(({ zone }) => zone)).size).toBe(300);
    expect(each.received).toHaveLength(300);
  }
});

test('a hint sends at once', async () => {
  const one = await secondary();
  dispatch();
  await new Promise((go) => setTimeout(go, 100));
  const before = performance.now();
  outbox.publish('example.com.', 2, one);
  await until(() => expect(one.received).toHaveLength(1));
  expect(performance.now() - before).toBeLessThan(200);
});

test('RFC 1996, 3.6: a lost NOTIFY is sent again after a second, then after two', async () => {
  const one = await secondary();
  one.reply = ({ message }) => (one.received.length < 3 ? [] : [acknowledge(message)]);
  outbox.publish('example.com.', 2, one);
  dispatch();
  await until(() => expect(outbox.unanswered).toBe(0), 6_000);
  const [first, second, third] = one.received.map(({ at }) => at);
  expect(second! - first!).toBeGreaterThan(800);
  expect(second! - first!).toBeLessThan(1_400);
  expect(third! - second!).toBeGreaterThan(1_950);
  expect(third! - second!).toBeLessThan(2_600);
});

test('a newer serial replaces the one on its way, and a late reply to the older does not settle it', async () => {
  const one = await secondary();
  one.reply = async ({ message, serial }) => {
    if (serial === 1) await new Promise((go) => setTimeout(go, 300));
    return serial === 1 ? [acknowledge(message)] : [];
  };
  const row = outbox.publish('example.com.', 1, one);
  dispatch();
  await until(() => expect(one.received).toHaveLength(1));
  outbox.publish('example.com.', 2, one);
  await until(() => expect(one.received.map(({ serial }) => serial)).toEqual([1, 2]), 250);
  await new Promise((go) => setTimeout(go, 400));
  expect(row.acked).toBeUndefined();
  one.reply = ({ message }) => [acknowledge(message)];
  await until(() => expect(row.acked).toBe(2));
});

test.each([
  ['with a question', (reply: Parameters<typeof acknowledge>[0]) => acknowledge(reply, 5), 5],
  ['as a bare header', (reply: Parameters<typeof bareReply>[0]) => bareReply(reply, 9), 9],
] as const)('a refusal %s is written with its rcode and tried again slowly', async (_, refuse, rcode) => {
  const one = await secondary();
  one.reply = ({ message }) => [refuse(message)];
  const row = outbox.publish('example.com.', 2, one);
  const before = Date.now();
  dispatch();
  await until(() => expect(row.rcode).toBe(rcode));
  expect(row.acked).toBeUndefined();
  expect(row.nextAt - before).toBeGreaterThanOrEqual(60_000);
  await new Promise((go) => setTimeout(go, 200));
  expect(one.received).toHaveLength(1);
});

test.each([
  ['an outbox that leaves full peers out', false],
  ['an outbox that does not', true],
])('with %s a silent secondary with a long backlog holds up nobody else', async (_, heedless) => {
  outbox.heedless = heedless;
  const [silent, alive] = [await secondary(), await secondary()];
  silent.mute();
  for (let zone = 0; zone < 2_000; zone++) outbox.publish(`z${zone}.example.`, 1, silent);
  dispatch();
  await until(() => expect(silent.received.length).toBeGreaterThan(8));
  await new Promise((go) => setTimeout(go, 1_500));
  const row = outbox.publish('alive.example.', 1, alive);
  const before = performance.now();
  await until(() => expect(row.acked).toBe(1));
  expect(performance.now() - before).toBeLessThan(1_500);
  // Once it counts as silent it is only probed.
  const count = silent.received.length;
  await new Promise((go) => setTimeout(go, 1_000));
  expect(silent.received.length - count).toBeLessThanOrEqual(32);
});

test('a secondary that answers again gets all that waits, without waiting out the back-off', async () => {
  const one = await secondary();
  one.mute();
  for (let zone = 0; zone < 100; zone++) outbox.publish(`z${zone}.example.`, 1, one);
  dispatch();
  await until(() => expect(one.received.length).toBeGreaterThan(64), 8_000);
  for (const row of outbox.rows) if (row.nextAt > Date.now() + 5_000) row.nextAt = Date.now() + 60_000;
  one.reply = ({ message }) => [acknowledge(message)];
  await until(() => expect(outbox.unanswered).toBe(0), 12_000);
  expect(outbox.hastened[0]).toEqual({
    secondaryId: String(one.endpoint.port),
    addressText: formatEndpoint(one.endpoint),
  });
});

test('no secondary gets more in any second than the rate', async () => {
  const one = await secondary();
  for (let zone = 0; zone < 130; zone++) outbox.publish(`z${zone}.example.`, 1, one);
  dispatch({ rate: 50 });
  await until(() => expect(outbox.unanswered).toBe(0), 8_000);
  const times = one.received.map(({ at }) => at);
  for (let index = 50; index < times.length; index++) {
    // Less than a second, as times are taken on arrival, and late on a busy machine.
    expect(times[index]! - times[index - 50]!).toBeGreaterThan(800);
  }
  expect(times.at(-1)! - times[0]!).toBeLessThan(4_000);
});

test('after several silences a try goes over TCP', async () => {
  const one = await secondary();
  one.reply = ({ message, transport }) => (transport === 'tcp' ? [acknowledge(message)] : []);
  const row = outbox.publish('example.com.', 1, one, 3);
  dispatch();
  await until(() => expect(row.acked).toBe(1));
  expect(one.received.map(({ transport }) => transport)).toEqual(['tcp']);
});

test('an outbox that fails for a while loses nothing', async () => {
  const one = await secondary();
  outbox.failClaims = 2;
  outbox.failSettles = 1;
  const row = outbox.publish('example.com.', 1, one);
  dispatch();
  await until(() => expect(row.acked).toBe(1), 8_000);
  expect(one.received).toHaveLength(1);
});

test('stop ends at once and leaves what has no answer due for the next', async () => {
  const one = await secondary();
  one.mute();
  for (let zone = 0; zone < 100; zone++) outbox.publish(`z${zone}.example.`, 1, one);
  const dispatcher = dispatch();
  await until(() => expect(one.received.length).toBe(64));
  const before = performance.now();
  await Promise.all([dispatcher.stop(), dispatcher.stop()]);
  expect(performance.now() - before).toBeLessThan(500);
  expect(outbox.rows.every((row) => row.nextAt <= Date.now() && row.acked === undefined)).toBe(true);
  one.reply = ({ message }) => [acknowledge(message)];
  dispatch();
  await until(() => expect(outbox.unanswered).toBe(0));
});

test('RFC 1982: of two serials of one zone the newer by the ring is sent last', async () => {
  const one = await secondary();
  const row = outbox.publish('example.com.', 4294967295, one);
  dispatch();
  await until(() => expect(row.acked).toBe(4294967295));
  outbox.publish('example.com.', 1, one);
  await until(() => expect(row.acked).toBe(1));
  const [first, second] = one.received.map(({ serial }) => serial!);
  expect(isNewer(second!, first!)).toBe(true);
});

test('where the secret of its key is not to be opened nothing is sent, in words; others are told', async () => {
  const [locked, plain] = [await secondary(), await secondary()];
  const row = outbox.publish('example.com.', 2, locked);
  row.lockedKey = 'lost.';
  outbox.publish('example.com.', 2, plain);
  dispatch();
  await until(() => expect(outbox.rows.find((each) => each !== row)?.acked).toBe(2));
  await until(() =>
    expect(row.error).toMatch(/not sent, as the secret of its key lost\. can't be opened: .*SECRET_KEY/),
  );
  expect(locked.received).toEqual([]);
  delete row.lockedKey;
  row.nextAt = Date.now();
  await until(() => expect(row.acked).toBe(2));
});
