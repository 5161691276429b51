import { describe, expect, it } from 'vitest';
import { recordKey } from '../../src/dns/inbound.ts';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName, formatName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { signRequest } from '../../src/dns/tsig.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { makeKey } from '../support/memory-zones.ts';
import { axfr, exchange, ixfr, soa, TestConnection } from '../support/transfer-client.ts';
import { SMALL_ZONE, startServer, until } from './harness.ts';

describe('SOA (RFC 1035, 4.1)', () => {
  it.each(['udp', 'tcp'] as const)('is answered over %s with AA, question and serial', async (transport) => {
    const { zones, registry, at } = await startServer();
    registry.add('s1');
    zones.add('example.com.', SMALL_ZONE, 42);
    const reply = await soa({ ...at, zone: 'eXample.COM.', transport });
    expect(reply).toMatchObject({ rcode: RCODE.NOERROR, serial: 42 });
    expect(reply.message).toMatchObject({ qr: true, aa: true, tc: false, ra: false });
    expect(formatName(reply.message.questions[0]!.name)).toBe('eXample.COM.');
    expect(reply.message.opt).toBeUndefined();
  });

  it('has OPT where the request had it, with DO and EXPIRE (RFC 6891, 7; RFC 7314, 3)', async () => {
    const { zones, registry, at } = await startServer();
    registry.add('s1');
    zones.add('example.com.', SMALL_ZONE);
    const options = [
      { code: 9, data: Buffer.alloc(0) },
      { code: 65_001, data: Buffer.from('x') },
    ];
    const { message } = await soa({
      ...at,
      zone: 'example.com.',
      edns: { udpSize: 4096, dnssecOk: true, options },
    });
    expect(message.opt).toMatchObject({ udpSize: 1232, version: 0, dnssecOk: true });
    expect(message.opt?.options).toEqual([{ code: 9, data: Buffer.from([0, 9, 0x3a, 0x80]) }]);
  });

  it('tells how long a connection may rest, over TCP alone (RFC 7828, 3)', async () => {
    const { zones, registry, at } = await startServer({ idleMs: 12_345 });
    registry.add('s1');
    zones.add('example.com.', SMALL_ZONE);
    const edns = { udpSize: 1232, options: [{ code: 11, data: Buffer.alloc(0) }] };
    const overTcp = await soa({ ...at, zone: 'example.com.', edns, transport: 'tcp' });
    expect(overTcp.message.opt?.options).toEqual([{ code: 11, data: Buffer.from([0, 123]) }]);
    const overUdp = await soa({ ...at, zone: 'example.com.', edns, transport: 'udp' });
    expect(overUdp.message.opt?.options).toEqual([]);
  });

  it('that does not fit a datagram comes as TC without data, signed (RFC 8945, 5.3)', async () => {
    const { zones, registry, at } = await startServer();
    // A long key name takes what the datagram has.
    const label = 'k'.repeat(60);
    const key = makeKey(`${label}.${label}.${label}.${label}.`, 'hmac-sha512');
    registry.add('s1', { keys: [key] });
    const long = `${'z'.repeat(60)}.${'y'.repeat(60)}.example.com.`;
    zones.add(long, ['@ 300 NS ns1.example.net.']);
    const { message } = await soa({ ...at, zone: long, key });
    expect(message).toMatchObject({ tc: true, rcode: RCODE.NOERROR, answers: [] });
    expect(message.tsig).toBeDefined();
    const overTcp = await soa({ ...at, zone: long, key, transport: 'tcp' });
    expect(overTcp.serial).toBe(1);
  });

  it('is signed where the request was (RFC 8945, 5.3)', async () => {
    const { zones, registry, at } = await startServer();
    for (const algorithm of ['hmac-sha256', 'hmac-sha224', 'hmac-sha384', 'hmac-sha512']) {
      const key = makeKey(`${algorithm}.key.`, algorithm);
      registry.add(algorithm, { keys: [key] });
      zones.add('example.com.', SMALL_ZONE, 7);
      const reply = await soa({ ...at, zone: 'example.com.', key });
      expect(reply.serial).toBe(7);
      expect(reply.message.tsig).toBeDefined();
    }
  });
});

describe('AXFR (RFC 5936)', () => {
  it('gives every record once, between the same SOA, and keeps case', async () => {
    const { zones, registry, at, served, log } = await startServer();
    registry.add('s1');
    zones.add('example.com.', SMALL_ZONE, 5);
    const { result, messages, octets } = await axfr({ ...at, zone: 'Example.com.' });
    if (result.kind !== 'axfr') throw new Error(result.kind);
    expect(new Set(result.records.map(recordKey))).toEqual(
      new Set(zones.records('example.com.').map(recordKey)),
    );
    expect(result.records.map((record) => formatName(record.name))).toContain('Mixed.Case.example.com.');
    expect(formatName(messages[0]!.questions[0]!.name)).toBe('Example.com.');
    expect(served).toHaveLength(1);
    expect(served[0]).toMatchObject({
      zone: 'example.com.',
      secondary: 's1',
      asked: 'AXFR',
      given: 'AXFR',
      serial: 5,
      complete: true,
      messages: 1,
      records: SMALL_ZONE.length + 2,
      bytes: octets,
    });
    await until(() => log.find('AXFR ended') !== undefined);
    expect(log.find('AXFR started (serial 5)')).toBeDefined();
    expect(
      log.find(`AXFR ended: 1 messages, ${SMALL_ZONE.length + 2} records, ${octets} bytes,`),
    ).toBeDefined();
  });

  it('of a large zone comes in messages of many records and at most 16 KiB, each signed', async () => {
    const { zones, registry, at } = await startServer();
    const key = makeKey('key.example.');
    registry.add('s1', { keys: [key] });
    zones.batch = 1000;
    const lines = Array.from({ length: 5000 }, (_, n) => `host${n} 300 A 10.0.${n >> 8}.${n & 255}`);
    zones.add('example.com.', ['@ 300 NS ns1.example.net.', ...lines]);
    const { result, messages } = await axfr({ ...at, zone: 'example.com.', key, edns: { udpSize: 1232 } });
    expect(result).toMatchObject({ kind: 'axfr' });
    if (result.kind === 'axfr') expect(result.records).toHaveLength(5001);
    expect(messages.length).toBeGreaterThan(5);
    for (const [index, message] of messages.entries()) {
      expect(message.length).toBeLessThanOrEqual(16_384);
      expect(message.tsig).toBeDefined();
      expect(message).toMatchObject({ id: messages[0]!.id, aa: true, tc: false, rcode: 0 });
      expect(message.questions).toHaveLength(index === 0 ? 1 : 0);
      expect(message.opt !== undefined).toBe(index === 0);
      if (index < messages.length - 1) expect(message.answers.length).toBeGreaterThan(300);
    }
  });

  it('gives a record longer than 16 KiB a message of its own (RFC 5936, 2.2)', async () => {
    const { zones, registry, at } = await startServer();
    registry.add('s1');
    const long = `\\# 60000 ${'ab'.repeat(60_000)}`;
    zones.add('example.com.', [
      '@ 300 NS ns1.example.net.',
      `big 300 TYPE65400 ${long}`,
      'a 300 A 192.0.2.1',
    ]);
    const { result, messages } = await axfr({ ...at, zone: 'example.com.' });
    if (result.kind !== 'axfr') throw new Error(result.kind);
    expect(result.records).toHaveLength(3);
    expect(messages.map((message) => message.answers.length)).toEqual([2, 1, 1, 1]);
  });

  it('is one version, whatever is published meanwhile (RFC 5936, 6)', async () => {
    const { zones, registry, at } = await startServer();
    registry.add('s1');
    zones.batch = 100;
    const lines = Array.from({ length: 1000 }, (_, n) => `h${n} 300 A 10.0.${n >> 8}.${n & 255}`);
    zones.add('example.com.', ['@ 300 NS ns1.example.net.', ...lines], 1);
    let changed = false;
    zones.beforeBatch = (number) => {
      if (number !== 5 || changed) return;
      changed = true;
      zones.change('example.com.', { delete: ['h999 300 A 10.0.3.231'], add: ['new 300 A 192.0.2.9'] });
    };
    const first = await axfr({ ...at, zone: 'example.com.' });
    const second = await axfr({ ...at, zone: 'example.com.' });
    const names = (transfer: typeof first): string[] =>
      transfer.result.kind === 'axfr' ? transfer.result.records.map((record) => formatName(record.name)) : [];
    expect(names(first)).toContain('h999.example.com.');
    expect(names(first)).not.toContain('new.example.com.');
    expect(names(second)).toContain('new.example.com.');
    expect(names(second)).not.toContain('h999.example.com.');
  });

  it('that breaks in the middle ends with the connection, without a last SOA (RFC 5936, 2.2)', async () => {
    const { zones, registry, at, served, log } = await startServer();
    registry.add('s1');
    zones.batch = 1000;
    const lines = Array.from({ length: 5000 }, (_, n) => `h${n} 300 A 10.0.${n >> 8}.${n & 255}`);
    zones.add('example.com.', ['@ 300 NS ns1.example.net.', ...lines]);
    zones.beforeBatch = (number) => {
      if (number === 4) throw new Error('the database went away');
    };
    await expect(axfr({ ...at, zone: 'example.com.' })).rejects.toThrow(
      /ended before its last SOA|ECONNRESET/,
    );
    expect(served[0]).toMatchObject({ complete: false, failure: 'the database went away' });
    await until(() => log.find('AXFR failed after') !== undefined);
    expect(log.find('AXFR failed after')?.message).toContain('the database went away');
    // And it heals by itself.
    zones.beforeBatch = () => {};
    expect((await axfr({ ...at, zone: 'example.com.' })).result.kind).toBe('axfr');
  });

  it('that can not start is SERVFAIL', async () => {
    const { zones, registry, at, log } = await startServer({ sourceMs: 50 });
    registry.add('s1');
    zones.add('example.com.', SMALL_ZONE);
    zones.beforeCurrent = () => new Promise(() => {});
    await expect(axfr({ ...at, zone: 'example.com.' })).rejects.toMatchObject({ rcode: RCODE.SERVFAIL });
    zones.beforeCurrent = () => {
      throw new Error('no connection to PostgreSQL');
    };
    await expect(axfr({ ...at, zone: 'example.com.' })).rejects.toMatchObject({ rcode: RCODE.SERVFAIL });
    expect(log.find("zone transfer 'example.com/AXFR/IN' failed: no connection to PostgreSQL")).toBeDefined();
  });
});

describe('refusals', () => {
  it('are alike for unknown zones, zones not allowed, names below an apex and strangers', async () => {
    const { zones, registry, at, log } = await startServer();
    registry.add('s1', { zones: new Set(['allowed.example.']) });
    registry.add('all', { addresses: ['127.0.0.3'] });
    zones.add('example.com.', SMALL_ZONE);
    zones.add('allowed.example.', SMALL_ZONE);
    const cases = [
      { zone: 'example.com.', says: 'secondary s1 may not transfer example.com.' },
      { zone: 'unknown.test.', localAddress: '127.0.0.3', says: 'unknown.test. is no zone here' },
      { zone: 'www.example.com.', localAddress: '127.0.0.3', says: 'www.example.com. is no zone here' },
      {
        zone: 'example.com.',
        localAddress: '127.0.0.2',
        says: 'no secondary is registered with the address 127.0.0.2',
      },
    ];
    for (const { says, ...asked } of cases) {
      for (const transport of ['udp', 'tcp'] as const) {
        const reply = await soa({ ...at, ...asked, transport });
        expect(reply).toMatchObject({ rcode: RCODE.REFUSED });
        expect(reply.message).toMatchObject({ aa: false, answers: [], authorities: [], additionals: [] });
      }
      await expect(axfr({ ...at, ...asked })).rejects.toMatchObject({ rcode: RCODE.REFUSED });
      await expect(ixfr({ ...at, ...asked, serial: 1 })).rejects.toMatchObject({ rcode: RCODE.REFUSED });
      expect(log.find(`zone transfer '${asked.zone.slice(0, -1)}/AXFR/IN' denied: ${says}`)).toBeDefined();
    }
  });

  it('are signed where the MAC was good (RFC 8945, 5.3)', async () => {
    const { zones, registry, at } = await startServer();
    const key = makeKey('key.example.');
    registry.add('s1', { keys: [key], zones: new Set(['allowed.example.']) });
    zones.add('example.com.', SMALL_ZONE);
    const reply = await soa({ ...at, zone: 'example.com.', key });
    expect(reply.rcode).toBe(RCODE.REFUSED);
    expect(reply.message.tsig).toBeDefined();
  });

  it('SERVFAIL for a zone that is known and not published', async () => {
    const { zones, registry, at } = await startServer();
    registry.add('s1');
    zones.add('example.com.', SMALL_ZONE);
    zones.unpublish('example.com.');
    expect((await soa({ ...at, zone: 'example.com.' })).rcode).toBe(RCODE.SERVFAIL);
    await expect(axfr({ ...at, zone: 'example.com.' })).rejects.toMatchObject({ rcode: RCODE.SERVFAIL });
  });

  it('NOTAUTH with a TSIG error for a wrong key, MAC or time (RFC 8945, 5.2)', async () => {
    const { zones, registry, at, log } = await startServer();
    const key = makeKey('key.example.');
    registry.add('s1', { keys: [key] });
    zones.add('example.com.', SMALL_ZONE);
    await expect(soa({ ...at, zone: 'example.com.', key: makeKey('other.example.') })).rejects.toMatchObject({
      fault: 'refused by peer',
      peerError: 17,
    });
    await expect(
      axfr({ ...at, zone: 'example.com.', key: makeKey('key.example.', 'hmac-sha256', 'wrong') }),
    ).rejects.toMatchObject({ fault: 'refused by peer', peerError: 16 });
    // BADTIME is signed, and has our time (5.2.3).
    const name = absoluteName('example.com.');
    const plain = buildQuery({ id: 3, name, type: TYPE.SOA });
    const late = signRequest(plain, key, Date.now() - 400_000);
    const reply = readMessage(await exchange(at, late.bytes, 'udp'));
    expect(reply).toMatchObject({ id: 3, rcode: RCODE.NOTAUTH, answers: [] });
    expect(reply.tsig!.record).toMatchObject({
      error: 18,
      timeSigned: readMessage(late.bytes).tsig!.record.timeSigned,
    });
    expect(reply.tsig!.record.other.readUIntBE(0, 6)).toBeCloseTo(Date.now() / 1000, -1);
    expect(reply.tsig!.record.mac).toHaveLength(32);
    expect(log.find('BADKEY')).toBeDefined();
    expect(log.find('BADSIG')).toBeDefined();
  });

  it("REFUSED for an unsigned request of a secondary with a key, and for another one's key", async () => {
    const { zones, registry, at, log } = await startServer();
    const [mine, theirs] = [makeKey('mine.'), makeKey('theirs.')];
    registry.add('s1', { keys: [mine] });
    registry.add('s2', { keys: [theirs], addresses: ['127.0.0.9'] });
    zones.add('example.com.', SMALL_ZONE);
    await expect(axfr({ ...at, zone: 'example.com.' })).rejects.toMatchObject({ rcode: RCODE.REFUSED });
    expect(log.find('secondary s1 has a key, and the request is not signed')).toBeDefined();
    await expect(axfr({ ...at, zone: 'example.com.', key: theirs })).rejects.toMatchObject({
      rcode: RCODE.REFUSED,
    });
    expect(log.find('key theirs. is not registered for s1')).toBeDefined();
    expect((await axfr({ ...at, zone: 'example.com.', key: mine })).result.kind).toBe('axfr');
  });

  it('REFUSED for NOTIFY, other types and classes, and AXFR over UDP', async () => {
    const { zones, registry, at } = await startServer();
    registry.add('s1');
    zones.add('example.com.', SMALL_ZONE);
    const name = absoluteName('example.com.');
    const otherClass = buildQuery({ id: 1, name, type: TYPE.SOA });
    otherClass.writeUInt16BE(3, otherClass.length - 2);
    const requests = [
      buildQuery({ id: 1, name, type: TYPE.SOA, opcode: 4 }),
      buildQuery({ id: 1, name, type: TYPE.A, rd: true }),
      buildQuery({ id: 1, name, type: TYPE.ANY }),
      buildQuery({ id: 1, name, type: TYPE.AXFR }),
      otherClass,
    ];
    for (const request of requests) {
      const reply = readMessage(await exchange(at, request, 'udp'));
      expect(reply).toMatchObject({
        id: 1,
        rcode: RCODE.REFUSED,
        opcode: (request[2]! >> 3) & 15,
        tc: false,
      });
      expect(reply.rd).toBe((request[2]! & 1) === 1);
      expect(reply.questions[0]!.wire).toEqual(request.subarray(12));
    }
  });

  it('NOTIMP for opcodes unknown here, FORMERR for broken requests, BADVERS for a later EDNS', async () => {
    const { zones, registry, at } = await startServer();
    registry.add('s1');
    zones.add('example.com.', SMALL_ZONE);
    const name = absoluteName('example.com.');
    const ask = async (request: Buffer): Promise<number> =>
      readMessage(await exchange(at, request, 'tcp')).rcode;
    expect(await ask(buildQuery({ id: 1, name, type: TYPE.SOA, opcode: 5 }))).toBe(RCODE.NOTIMP);
    // RFC 9619, 4: two questions, or none.
    const one = buildQuery({ id: 1, name, type: TYPE.SOA });
    const two = Buffer.concat([one, one.subarray(12)]);
    two.writeUInt16BE(2, 4);
    expect(await ask(two)).toBe(RCODE.FORMERR);
    const none = Buffer.from(one.subarray(0, 12));
    none.writeUInt16BE(0, 4);
    expect(await ask(none)).toBe(RCODE.FORMERR);
    // RFC 1995, 3: an IXFR without the client's SOA.
    expect(await ask(buildQuery({ id: 1, name, type: TYPE.IXFR }))).toBe(RCODE.FORMERR);
    expect(await ask(Buffer.concat([one, Buffer.from('x')]))).toBe(RCODE.FORMERR);
    expect(await ask(buildQuery({ id: 1, name, type: TYPE.SOA, edns: { udpSize: 512, version: 1 } }))).toBe(
      RCODE.BADVERS,
    );
    const keepalive = { udpSize: 512, options: [{ code: 11, data: Buffer.alloc(2) }] };
    expect(await ask(buildQuery({ id: 1, name, type: TYPE.SOA, edns: keepalive }))).toBe(RCODE.FORMERR);
  });

  it('replies are never replied to', async () => {
    const { registry, zones, at } = await startServer();
    registry.add('s1');
    zones.add('example.com.', SMALL_ZONE);
    const reply = buildQuery({ id: 9, name: absoluteName('example.com.'), type: TYPE.SOA });
    reply[2]! |= 0x80;
    const connection = await TestConnection.open(at);
    connection.send(reply, buildQuery({ id: 10, name: absoluteName('example.com.'), type: TYPE.SOA }));
    expect(readMessage((await connection.receive())!).id).toBe(10);
    connection.destroy();
  });
});
