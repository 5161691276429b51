import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Message, readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import type { EdnsFields } from '../../src/dns/writer.ts';
import { Authority, type Certificate } from '../support/certificates.ts';
import { makeKey } from '../support/memory-zones.ts';
import { axfr, exchange, ixfr, type Peer, soa } from '../support/transfer-client.ts';
import { type Running, SMALL_ZONE, startServer } from './harness.ts';

const ZONE = 'example.com.';
const NAME = absoluteName(ZONE);
const OPTION = { EXPIRE: 9, COOKIE: 10, KEEPALIVE: 11, PADDING: 12 } as const;
const EXPIRE_OF_ZONE = Buffer.from([0, 9, 0x3a, 0x80]);

async function start(): Promise<Running> {
  const running = await startServer();
  running.registry.add('s1');
  running.zones.add(ZONE, SMALL_ZONE, 5);
  return running;
}

function withOptions(...options: [code: number, octets: number | Buffer][]): EdnsFields {
  return {
    udpSize: 1232,
    options: options.map(([code, data]) => ({
      code,
      data: typeof data === 'number' ? Buffer.alloc(data, 1) : data,
    })),
  };
}

async function ask(at: Peer, edns: EdnsFields, transport: 'udp' | 'tcp' = 'udp'): Promise<Message> {
  return (await soa({ ...at, zone: ZONE, edns, transport })).message;
}

function codesOf(message: Message): number[] | undefined {
  return message.opt?.options.map((option) => option.code);
}

describe('OPT (RFC 6891)', () => {
  it('7: is in the reply where it was in the request, refusals included, and nowhere else', async () => {
    const { at } = await start();
    for (const zone of [ZONE, 'unknown.test.']) {
      for (const transport of ['udp', 'tcp'] as const) {
        expect((await soa({ ...at, zone, transport })).message.opt).toBeUndefined();
        const { message } = await soa({ ...at, zone, transport, edns: { udpSize: 4096 } });
        expect(message.opt).toMatchObject({ udpSize: 1232, version: 0, extendedRcode: 0, options: [] });
      }
    }
    const { messages } = await ixfr({ ...at, zone: ZONE, serial: 5, edns: { udpSize: 512 } });
    expect(messages.map((message) => message.opt !== undefined)).toEqual([true]);
  });

  it('6.1.1: two of them, or an owner that is not the root, are FORMERR', async () => {
    const { at } = await start();
    const one = buildQuery({ id: 1, name: NAME, type: TYPE.SOA, edns: { udpSize: 1232 } });
    const opt = one.subarray(-11);
    const two = Buffer.concat([one, opt]);
    two.writeUInt16BE(2, 10);
    const owned = Buffer.concat([one.subarray(0, -11), Buffer.from([1, 0x61]), opt]);
    for (const request of [two, owned]) {
      const reply = readMessage(await exchange(at, request, 'udp'));
      expect(reply).toMatchObject({ id: 1, rcode: RCODE.FORMERR, answers: [] });
    }
  });

  it('6.1.3: a later version is BADVERS, version 0 in the reply, whatever its options may mean', async () => {
    const { at } = await start();
    for (const transport of ['udp', 'tcp'] as const) {
      const edns = { ...withOptions([OPTION.COOKIE, 3], [OPTION.KEEPALIVE, 9]), version: 1 };
      const reply = await ask(at, edns, transport);
      expect(reply).toMatchObject({ rcode: RCODE.BADVERS, answers: [] });
      expect(reply.opt).toMatchObject({ version: 0, extendedRcode: 1, options: [] });
    }
  });

  it('6.1.4: DO is copied, other flags are not', async () => {
    const { at } = await start();
    expect((await ask(at, { udpSize: 1232, dnssecOk: true })).opt!.dnssecOk).toBe(true);
    expect((await ask(at, { udpSize: 1232 })).opt!.dnssecOk).toBe(false);
    const request = buildQuery({ id: 1, name: NAME, type: TYPE.SOA, edns: { udpSize: 1232 } });
    // The sixteen flags stand before the length of the options.
    request.writeUInt16BE(0xffff, request.length - 4);
    const reply = await exchange(at, request, 'udp');
    expect(reply.readUInt16BE(reply.length - 4)).toBe(0x8000);
  });

  it('6.2.3: the reply is within the size they take, 512 at least, and 1232 at most', async () => {
    const { at, zones } = await start();
    // So large that no history here is larger.
    const lines = [...SMALL_ZONE, ...Array.from({ length: 500 }, (_, n) => `host${n} 300 A 192.0.2.1`)];
    zones.batch = 1000;
    // One change after the other until its answer fits no datagram of that size.
    const sizes: { udpSize: number; largest: number }[] = [];
    for (const udpSize of [0, 100, 512, 700, 1232, 4096, 65_535]) {
      zones.add(ZONE, lines, 5);
      let largest = 0;
      for (let n = 0; n < 60; n++) {
        zones.change(ZONE, { add: [`h${n} 300 TXT "${'x'.repeat(20)}"`] });
        const { result, octets } = await ixfr({
          ...at,
          zone: ZONE,
          serial: 5,
          transport: 'udp',
          edns: { udpSize },
        });
        if (result.kind !== 'ixfr') break;
        largest = octets;
      }
      sizes.push({ udpSize, largest });
    }
    const within = [512, 512, 512, 700, 1232, 1232, 1232];
    for (const [index, { udpSize, largest }] of sizes.entries()) {
      expect(largest, `size ${udpSize}`).toBeLessThanOrEqual(within[index]!);
      expect(largest, `size ${udpSize}`).toBeGreaterThan(within[index]! - 150);
    }
  });

  it('unknown options are ignored, and never echoed', async () => {
    const { at } = await start();
    for (const transport of ['udp', 'tcp'] as const) {
      const reply = await ask(at, withOptions([65_001, 3], [3, 0], [8, 7], [4242, 200]), transport);
      expect(reply).toMatchObject({ rcode: RCODE.NOERROR });
      expect(codesOf(reply)).toEqual([]);
    }
  });
});

describe('EXPIRE (RFC 7314)', () => {
  it('3.3: is answered with the EXPIRE of the zone, for SOA, AXFR and IXFR', async () => {
    const { at, zones } = await start();
    const edns = withOptions([OPTION.EXPIRE, 0]);
    const expected = [{ code: OPTION.EXPIRE, data: EXPIRE_OF_ZONE }];
    expect((await ask(at, edns)).opt!.options).toEqual(expected);
    expect((await axfr({ ...at, zone: ZONE, edns })).messages[0]!.opt!.options).toEqual(expected);
    zones.change(ZONE, { add: ['new 300 A 192.0.2.9'] });
    for (const serial of [5, 6]) {
      const { messages } = await ixfr({ ...at, zone: ZONE, serial, edns });
      expect(messages[0]!.opt!.options).toEqual(expected);
    }
  });

  it('is not told where it was not asked for, nor with a refusal', async () => {
    const { at } = await start();
    expect(codesOf(await ask(at, { udpSize: 1232 }))).toEqual([]);
    const edns = withOptions([OPTION.EXPIRE, 0]);
    const refused = await soa({ ...at, zone: 'unknown.test.', edns });
    expect([refused.rcode, codesOf(refused.message)]).toEqual([RCODE.REFUSED, []]);
  });
});

describe('keepalive (RFC 7828)', () => {
  it('3.2.2: over UDP it is ignored, whatever its length', async () => {
    const { at } = await start();
    for (const octets of [0, 1, 2, 7]) {
      const reply = await ask(at, withOptions([OPTION.KEEPALIVE, octets]));
      expect([reply.rcode, codesOf(reply)]).toEqual([RCODE.NOERROR, []]);
    }
  });

  it('3.2.1, 3.3.2: over TCP its time-out is told to who asks, and a time-out of a client is FORMERR', async () => {
    const { at } = await start();
    const asked = await ask(at, withOptions([OPTION.KEEPALIVE, 0]), 'tcp');
    // Fifteen seconds in units of 100 ms.
    expect(asked.opt!.options).toEqual([{ code: OPTION.KEEPALIVE, data: Buffer.from([0, 150]) }]);
    expect(codesOf(await ask(at, { udpSize: 1232 }, 'tcp'))).toEqual([]);
    for (const octets of [1, 2, 3]) {
      const reply = await ask(at, withOptions([OPTION.KEEPALIVE, octets]), 'tcp');
      expect(reply).toMatchObject({ rcode: RCODE.FORMERR, answers: [] });
      expect(reply.opt).toBeDefined();
    }
  });
});

describe('COOKIE (RFC 7873)', () => {
  it('5.2.2: a length other than 8, or 16 to 40, is FORMERR; a good one is ignored', async () => {
    const { at } = await start();
    for (const transport of ['udp', 'tcp'] as const) {
      for (const octets of [0, 1, 7, 9, 15, 41, 100]) {
        const reply = await ask(at, withOptions([OPTION.COOKIE, octets]), transport);
        expect(reply, `${octets} octets`).toMatchObject({ rcode: RCODE.FORMERR, answers: [] });
      }
      for (const octets of [8, 16, 17, 24, 40]) {
        const reply = await ask(at, withOptions([OPTION.COOKIE, octets]), transport);
        expect([reply.rcode, codesOf(reply)], `${octets} octets`).toEqual([RCODE.NOERROR, []]);
      }
    }
  });

  it('5.4: a request for a cookie alone has no question, and gets none', async () => {
    const { at } = await start();
    const whole = buildQuery({
      id: 3,
      name: NAME,
      type: TYPE.SOA,
      edns: withOptions([OPTION.COOKIE, 8]),
    });
    const request = Buffer.concat([whole.subarray(0, 12), whole.subarray(12 + NAME.length + 4)]);
    request.writeUInt16BE(0, 4);
    const reply = readMessage(await exchange(at, request, 'udp'));
    expect(reply).toMatchObject({ id: 3, rcode: RCODE.REFUSED, questions: [] });
    expect(codesOf(reply)).toEqual([]);
  });
});

describe('padding (RFC 7830)', () => {
  let authority: Authority;
  let own: Certificate;

  beforeAll(async () => {
    authority = await Authority.make();
    own = await authority.issue('primary.test');
  });
  afterAll(() => authority?.remove());

  async function startTls(): Promise<Running & { over: Peer }> {
    const running = await startServer({}, { cert: own.certFile, key: own.keyFile });
    running.registry.add('s1');
    running.zones.add(ZONE, SMALL_ZONE, 5);
    running.zones.batch = 1000;
    running.zones.add('large.test.', [
      '@ 300 NS ns1.example.net.',
      ...Array.from({ length: 5000 }, (_, n) => `host${n} 300 A 10.0.${n >> 8}.${n & 255}`),
    ]);
    const { ip, port } = running.server.tlsAddresses()[0]!;
    return { ...running, over: { host: ip, port, tls: { ca: authority.ca, servername: 'primary.test' } } };
  }

  it('4: over TLS every reply to a request with OPT is whole blocks of 468 octets (RFC 8467, 4.1)', async () => {
    const { over, zones } = await startTls();
    zones.change(ZONE, { add: ['new 300 A 192.0.2.9'] });
    const edns = withOptions([OPTION.PADDING, 100]);
    const replies = [
      (await soa({ ...over, zone: ZONE, transport: 'tcp', edns })).message,
      (await soa({ ...over, zone: ZONE, transport: 'tcp', edns: { udpSize: 512 } })).message,
      (await soa({ ...over, zone: 'unknown.test.', transport: 'tcp', edns })).message,
      ...(await ixfr({ ...over, zone: ZONE, serial: 5, edns })).messages,
      ...(await axfr({ ...over, zone: 'large.test.', edns })).messages,
    ];
    expect(replies.length).toBeGreaterThan(10);
    for (const message of replies) {
      expect(message.length % 468).toBe(0);
      expect(codesOf(message)).toEqual([OPTION.PADDING]);
      const { data } = message.opt!.options[0]!;
      expect(data.equals(Buffer.alloc(data.length))).toBe(true);
    }
  });

  it('counts the signature behind it, of transfers and of refusals', async () => {
    const { over, registry } = await startTls();
    const key = makeKey('key.example.', 'hmac-sha512');
    registry.list.splice(0);
    registry.add('s2', { keys: [key] });
    const edns = withOptions([OPTION.PADDING, 0], [OPTION.EXPIRE, 0], [OPTION.KEEPALIVE, 0]);
    const whole = await axfr({ ...over, zone: 'large.test.', key, edns });
    const refused = await soa({ ...over, zone: 'unknown.test.', transport: 'tcp', key, edns });
    for (const message of [...whole.messages, refused.message]) {
      expect(message.length % 468).toBe(0);
      expect(message.tsig).toBeDefined();
    }
    expect(codesOf(whole.messages[0]!)).toEqual([OPTION.EXPIRE, OPTION.KEEPALIVE, OPTION.PADDING]);
    expect(codesOf(whole.messages[1]!)).toEqual([OPTION.PADDING]);
    const stranger = makeKey('stranger.example.');
    await expect(soa({ ...over, zone: ZONE, transport: 'tcp', key: stranger, edns })).rejects.toMatchObject({
      peerError: 17,
    });
  });

  it('a record that fills its message leaves it within 65,535 octets', async () => {
    const { over, zones, registry } = await startTls();
    const longest = `${`${'k'.repeat(63)}.`.repeat(3)}${'k'.repeat(61)}.`;
    const key = makeKey(longest, 'hmac-sha512');
    registry.add('s2', { keys: [key] });
    for (const octets of [64_400, 64_800, 64_990, 65_000]) {
      zones.add('big.test.', [
        '@ 300 NS ns1.example.net.',
        `b 300 TYPE65400 \\# ${octets} ${'ab'.repeat(octets)}`,
      ]);
      const { messages } = await axfr({ ...over, zone: 'big.test.', key, edns: { udpSize: 512 } });
      const longestMessage = Math.max(...messages.map((message) => message.length));
      expect(longestMessage).toBeLessThanOrEqual(65_535);
      expect(longestMessage % 468 === 0 || longestMessage === 65_535).toBe(true);
    }
  });

  it('4: is in no reply to a request without OPT, nor in the clear', async () => {
    const { over, at } = await startTls();
    expect((await soa({ ...over, zone: ZONE, transport: 'tcp' })).message.opt).toBeUndefined();
    const whole = await axfr({ ...over, zone: 'large.test.' });
    expect(whole.messages.every((message) => message.opt === undefined)).toBe(true);
    const edns = withOptions([OPTION.PADDING, 100]);
    for (const transport of ['udp', 'tcp'] as const)
      expect(codesOf(await ask(at, edns, transport))).toEqual([]);
  });
});
