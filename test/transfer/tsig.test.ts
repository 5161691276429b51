import { describe, expect, it } from 'vitest';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { appendTsigRecord } from '../../src/dns/tsig/record.ts';
import { signRequest, type TsigKey, TsigVerifier } from '../../src/dns/tsig.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { makeKey } from '../support/memory-zones.ts';
import { axfr, exchange, soa } from '../support/transfer-client.ts';
import { SMALL_ZONE, startServer } from './harness.ts';

const ZONE = 'example.com.';

describe('old algorithms (RFC 8945, 6)', () => {
  it.each(['hmac-sha1', 'hmac-md5'] as const)('%s is BADKEY until it is asked for', async (algorithm) => {
    const key = makeKey('old.key.', algorithm);
    const off = await startServer();
    off.registry.add('s1', { keys: [key] });
    off.zones.add(ZONE, SMALL_ZONE);
    await expect(axfr({ ...off.at, zone: ZONE, key })).rejects.toMatchObject({
      fault: 'refused by peer',
      peerError: 17,
    });
    expect(off.log.find(`${algorithm} is off, TSIG_LEGACY=${algorithm} turns it on`)).toBeDefined();
    // And nobody comes in without a signature instead.
    await expect(axfr({ ...off.at, zone: ZONE })).rejects.toMatchObject({ rcode: RCODE.REFUSED });

    const on = await startServer({}, undefined, [algorithm]);
    on.registry.add('s1', { keys: [key] });
    on.zones.add(ZONE, SMALL_ZONE);
    expect((await axfr({ ...on.at, zone: ZONE, key })).result.kind).toBe('axfr');
    expect((await soa({ ...on.at, zone: ZONE, key })).message.tsig).toBeDefined();
  });

  it('each is asked for alone', async () => {
    const { registry, zones, at } = await startServer({}, undefined, ['hmac-sha1']);
    const key = makeKey('old.key.', 'hmac-md5');
    registry.add('s1', { keys: [key] });
    zones.add(ZONE, SMALL_ZONE);
    await expect(soa({ ...at, zone: ZONE, key })).rejects.toMatchObject({ peerError: 17 });
  });
});

describe('several keys of one secondary', () => {
  it('are all good while one is rolled over to the next, and the old one no longer', async () => {
    const { registry, zones, at, served } = await startServer();
    zones.add(ZONE, SMALL_ZONE);
    const [old, next] = [
      makeKey('old.key.', 'hmac-sha256', 'old'),
      makeKey('next.key.', 'hmac-sha512', 'next'),
    ];
    const keysOf = (...keys: TsigKey[]): void => {
      registry.list.splice(0);
      registry.add('s1', { keys });
    };
    const isGood = async (key: TsigKey): Promise<boolean> => {
      try {
        return (await axfr({ ...at, zone: ZONE, key })).result.kind === 'axfr';
      } catch {
        return false;
      }
    };
    keysOf(old);
    expect([await isGood(old), await isGood(next)]).toEqual([true, false]);
    keysOf(old, next);
    expect([await isGood(old), await isGood(next)]).toEqual([true, true]);
    keysOf(next, old);
    expect([await isGood(old), await isGood(next)]).toEqual([true, true]);
    keysOf(next);
    expect([await isGood(old), await isGood(next)]).toEqual([false, true]);
    await expect(axfr({ ...at, zone: ZONE })).rejects.toMatchObject({ rcode: RCODE.REFUSED });
    expect(served.map((event) => event.key)).toEqual([
      'old.key.',
      'old.key.',
      'next.key.',
      'old.key.',
      'next.key.',
      'next.key.',
    ]);
  });

  it('two secrets under one name are two keys by their algorithm', async () => {
    const { registry, zones, at } = await startServer();
    zones.add(ZONE, SMALL_ZONE);
    const keys = [makeKey('same.key.', 'hmac-sha256', 'one'), makeKey('same.key.', 'hmac-sha512', 'two')];
    registry.add('s1', { keys });
    for (const key of keys) expect((await soa({ ...at, zone: ZONE, key })).serial).toBe(1);
    const crossed = makeKey('same.key.', 'hmac-sha512', 'one');
    await expect(soa({ ...at, zone: ZONE, key: crossed })).rejects.toMatchObject({ peerError: 16 });
  });
});

describe('a truncated MAC (RFC 8945, 5.2.2.1, 5.2.4)', () => {
  const name = absoluteName(ZONE);
  const key = makeKey('key.example.');
  const plain = buildQuery({ id: 7, name, type: TYPE.SOA });

  /** A request of which the MAC has so many octets left. */
  function cutTo(octets: number): Buffer {
    const { record } = readMessage(signRequest(plain, key, Date.now()).bytes).tsig!;
    return appendTsigRecord(plain, { ...record, mac: record.mac.subarray(0, octets) });
  }

  it.each([
    [9, RCODE.FORMERR, undefined],
    [15, RCODE.FORMERR, undefined],
    [16, RCODE.NOTAUTH, 22],
    [31, RCODE.NOTAUTH, 22],
    [32, RCODE.NOERROR, 0],
  ])('of %i octets out of 32', async (octets, rcode, error) => {
    const { registry, zones, at } = await startServer();
    registry.add('s1', { keys: [key] });
    zones.add(ZONE, SMALL_ZONE);
    const request = cutTo(octets);
    const bytes = await exchange(at, request, 'udp');
    const reply = readMessage(bytes);
    expect([reply.rcode, reply.tsig?.record.error]).toEqual([rcode, error]);
    // What is signed is signed whole, behind the MAC as it came.
    if (error !== undefined) expect(reply.tsig!.record.mac).toHaveLength(32);
    if (error === 22) {
      const { mac } = readMessage(request).tsig!.record;
      expect(() => new TsigVerifier(key, mac, { now: () => Date.now() }).verify(bytes)).toThrow('BADTRUNC');
    }
  });

  it('is good for a key that allows it', async () => {
    const { registry, zones, at } = await startServer();
    registry.add('s1', { keys: [{ ...key, shortestMac: 16 }] });
    zones.add(ZONE, SMALL_ZONE);
    expect(readMessage(await exchange(at, cutTo(16), 'udp'))).toMatchObject({
      rcode: RCODE.NOERROR,
      aa: true,
    });
  });
});

it('who shows no key gets back no more octets over UDP than came, whatever the names of TSIG unfold to', async () => {
  const { registry, zones, at } = await startServer();
  registry.add('s1', { keys: [makeKey('key.example.')] });
  zones.add(ZONE, SMALL_ZONE);
  const name = absoluteName(`${'z'.repeat(63)}.${'z'.repeat(63)}.${'z'.repeat(63)}.${'z'.repeat(61)}.`);
  const plain = buildQuery({ id: 9, name, type: TYPE.SOA, edns: { udpSize: 1232 } });
  // key and algorithm are both the name of the question: a pointer to it each
  const rdata = Buffer.alloc(2 + 16);
  rdata.writeUInt16BE(0xc00c, 0);
  const tsig = Buffer.from('c00c00fa00ff000000000012', 'hex');
  const request = Buffer.concat([plain, tsig, rdata]);
  request.writeUInt16BE(2, 10);
  const reply = await exchange(at, request, 'udp');
  expect(readMessage(reply)).toMatchObject({ id: 9, rcode: RCODE.NOTAUTH, tc: true });
  expect(reply.length).toBeLessThanOrEqual(request.length);
  const overTcp = readMessage(await exchange(at, request, 'tcp'));
  expect(overTcp).toMatchObject({ rcode: RCODE.NOTAUTH, tc: false, tsig: { record: { error: 17 } } });
});

describe('replies over UDP with the longest names (RFC 8945, 5.3)', () => {
  const longest = (letter: string): string => `${`${letter.repeat(63)}.`.repeat(3)}${letter.repeat(61)}.`;
  const key = makeKey(longest('k'), 'hmac-sha512');

  it.each([
    ['SOA', {}, RCODE.NOERROR],
    ['a refusal', { zones: new Set<string>() }, RCODE.REFUSED],
  ])('%s is TC, signed, and no longer than 512 octets', async (_, fields, rcode) => {
    const { registry, zones, at } = await startServer();
    registry.add('s1', { keys: [key], ...fields });
    const zone = longest('z');
    zones.add(zone, ['@ 300 NS ns1.example.net.']);
    const { message } = await soa({ ...at, zone, key });
    expect(message.length).toBeLessThanOrEqual(512);
    expect(message).toMatchObject({ tc: true, rcode, answers: [], questions: [] });
    expect(message.tsig).toBeDefined();
    // Over TCP, and in a larger datagram, there is room for all of it.
    const overTcp = await soa({ ...at, zone, key, transport: 'tcp' });
    expect(overTcp.message).toMatchObject({ tc: false, rcode, questions: [{ type: TYPE.SOA }] });
    const larger = await soa({ ...at, zone, key, edns: { udpSize: 1232 } });
    expect(larger.message).toMatchObject({ tc: false, rcode, questions: [{ type: TYPE.SOA }] });
  });

  it.each([
    ['BADKEY', 17, { ...key, name: absoluteName(longest('u')) }, 0],
    ['BADSIG', 16, { ...key, secret: Buffer.from('another') }, 0],
    ['BADTIME', 18, key, 400_000],
  ])('%s too', async (_, error, with_, late) => {
    const { registry, zones, at } = await startServer();
    registry.add('s1', { keys: [key] });
    zones.add(ZONE, SMALL_ZONE);
    const plain = buildQuery({ id: 9, name: absoluteName(longest('z')), type: TYPE.SOA });
    const request = signRequest(plain, with_, Date.now() - late).bytes;
    const reply = await exchange(at, request, 'udp');
    expect(reply.length).toBeLessThanOrEqual(512);
    expect(readMessage(reply)).toMatchObject({ id: 9, tc: true, rcode: RCODE.NOTAUTH, questions: [] });
    expect(readMessage(reply).tsig!.record.error).toBe(error);
    const overTcp = readMessage(await exchange(at, request, 'tcp'));
    expect(overTcp).toMatchObject({ tc: false, rcode: RCODE.NOTAUTH, questions: [{ type: TYPE.SOA }] });
  });
});
