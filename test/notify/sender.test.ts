import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { type TsigKey, TsigSigner, verifyRequest } from '../../src/dns/tsig.ts';
import { TYPE } from '../../src/dns/types.ts';
import type { Announcement } from '../../src/notify/message.ts';
import { Sender } from '../../src/notify/sender.ts';
import { until } from '../support/until.ts';
import { acknowledge, FakeSecondary } from './fake-secondary.ts';

const announcement: Announcement = {
  zoneWire: absoluteName('example.com'),
  soa: parseRdata(TYPE.SOA, 'ns1.example.com. hostmaster.example.com. 8 3600 600 86400 300'),
  soaTtl: 900,
};
const key: TsigKey = {
  name: absoluteName('key.example'),
  algorithm: 'hmac-sha512',
  secret: Buffer.alloc(64, 7),
};
const udp = { transport: 'udp', timeoutMs: 2_000 } as const;

let secondary: FakeSecondary;
let sender: Sender;
beforeEach(async () => {
  secondary = await FakeSecondary.start();
  sender = new Sender({ from: { ipv4: '127.0.0.3' }, clock: systemClock });
});
afterEach(async () => {
  sender.close();
  await secondary.close();
});

test('a secondary is waited for while more others are told than sockets are kept for', async () => {
  const { promise: others, resolve: toldOthers } = Promise.withResolvers<void>();
  secondary.reply = async ({ message }) => {
    await others;
    return [acknowledge(message)];
  };
  const waiting = sender.send(announcement, secondary.endpoint, { transport: 'udp', timeoutMs: 60_000 });
  await until('the first is told', async () => secondary.received.length === 1);
  // nobody listens there, which comes back at once
  await Promise.all(
    Array.from({ length: 501 }, (_, n) =>
      sender.send(announcement, { ip: `127.1.${n >> 8}.${n & 255}`, port: secondary.endpoint.port }, udp),
    ),
  );
  toldOthers();
  expect(await waiting).toEqual({ kind: 'answered', rcode: 0 });
});

test.each(['udp', 'tcp'] as const)(
  'over %s the reply of the secondary comes back, from the source it knows',
  async (transport) => {
    secondary.reply = ({ message }) => [acknowledge(message, 5)];
    const result = await sender.send(announcement, secondary.endpoint, { transport, timeoutMs: 2_000 });
    expect(result).toEqual({ kind: 'answered', rcode: 5 });
    expect(secondary.received).toMatchObject([
      { transport, zone: 'example.com.', serial: 8, from: { address: '127.0.0.3' } },
    ]);
  },
);

test('an old algorithm signs nothing until it is asked for (RFC 8945, 6)', async () => {
  const signed = { ...announcement, key: { ...key, algorithm: 'hmac-md5' as const } };
  expect(await sender.send(signed, secondary.endpoint, udp)).toEqual({
    kind: 'silent',
    error: 'not sent: its key has hmac-md5, which is off: TSIG_LEGACY=hmac-md5 turns it on',
  });
  expect(secondary.received).toEqual([]);
  const asked = new Sender({ from: {}, clock: systemClock, legacyTsig: ['hmac-md5'] });
  secondary.reply = ({ bytes, message }) => {
    const verdict = verifyRequest(bytes, message, () => signed.key, systemClock.now());
    if (verdict.kind !== 'good') throw new Error(verdict.kind);
    const signer = new TsigSigner(verdict.key, { requestMac: verdict.mac, clock: systemClock });
    return [signer.sign(acknowledge(message))];
  };
  expect(await asked.send(signed, secondary.endpoint, udp)).toEqual({ kind: 'answered', rcode: 0 });
  asked.close();
});

test('RFC 1996, 4.7: a reply with another id does not count, the right one after it does', async () => {
  secondary.reply = ({ message }) => [
    acknowledge(message, 5, { id: message.id ^ 1 }),
    acknowledge(message, 9, { opcode: 0 }),
    acknowledge(message),
  ];
  expect(await sender.send(announcement, secondary.endpoint, udp)).toEqual({ kind: 'answered', rcode: 0 });
});

test('a reply from another address or port does not count', async () => {
  const other = createSocket('udp4').bind(0, '127.0.0.1');
  await once(other, 'listening');
  secondary.reply = ({ message, from }) => {
    other.send(acknowledge(message), from.port, from.address);
    return [];
  };
  const result = await sender.send(announcement, secondary.endpoint, { ...udp, timeoutMs: 100 });
  expect(result).toEqual({ kind: 'silent', error: 'UDP: no reply within 100 ms' });
  other.close();
});

test.each(['udp', 'tcp'] as const)(
  'RFC 1996, 3.6: over %s a port where nobody listens is told at once',
  async (transport) => {
    const { endpoint } = secondary;
    await secondary.close();
    const before = performance.now();
    const result = await sender.send(announcement, endpoint, { transport, timeoutMs: 5_000 });
    expect(result).toMatchObject({ kind: 'silent', error: expect.stringContaining('ECONNREFUSED') });
    expect(performance.now() - before).toBeLessThan(1_000);
    secondary = await FakeSecondary.start();
  },
);

test('signed NOTIFYs are sent and their signed replies believed; others are named in the error', async () => {
  secondary.reply = ({ message, bytes }) => {
    const verdict = verifyRequest(bytes, message, () => key, Date.now());
    if (verdict.kind !== 'good') return [];
    return [new TsigSigner(key, { requestMac: verdict.mac, clock: systemClock }).sign(acknowledge(message))];
  };
  expect(await sender.send({ ...announcement, key }, secondary.endpoint, udp)).toEqual({
    kind: 'answered',
    rcode: 0,
  });
  secondary.reply = ({ message }) => [acknowledge(message, 9)];
  const result = await sender.send({ ...announcement, key }, secondary.endpoint, { ...udp, timeoutMs: 100 });
  expect(result).toMatchObject({
    kind: 'silent',
    error: expect.stringContaining('NOTAUTH without a signature'),
  });
});

test('ids and source ports are not to be guessed', async () => {
  for (let count = 0; count < 20; count++) await sender.send(announcement, secondary.endpoint, udp);
  expect(new Set(secondary.received.map(({ message }) => message.id)).size).toBeGreaterThan(15);
  expect(new Set(secondary.received.map(({ from }) => from.port)).size).toBe(2);
});

test('an aborted send rejects with the reason, a closed sender says so', async () => {
  secondary.mute();
  const stop = new AbortController();
  const sending = sender.send(announcement, secondary.endpoint, {
    ...udp,
    timeoutMs: 60_000,
    signal: stop.signal,
  });
  setTimeout(() => stop.abort(new Error('newer serial')), 20);
  await expect(sending).rejects.toThrow('newer serial');
  const waiting = sender.send(announcement, secondary.endpoint, { ...udp, timeoutMs: 60_000 });
  setTimeout(() => sender.close(), 20);
  expect(await waiting).toMatchObject({ kind: 'silent' });
});
