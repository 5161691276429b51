import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/dns/format-error.ts';
import { headerFlags, type Message, readHeader, readMessage } from '../../src/dns/message.ts';
import { formatName, parseName } from '../../src/dns/name.ts';
import { buildQuery, questionOf, serialSoa } from '../../src/dns/query.ts';
import { parseRdata, soaSerial } from '../../src/dns/rdata/index.ts';
import { signRequest, type TsigKey } from '../../src/dns/tsig.ts';
import { CLASS_IN, OPCODE, TYPE } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';
import { meaning, reencode } from '../support/reencode.ts';

const zone = parseName('Example.COM.');
const key: TsigKey = { name: parseName('key.'), algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 1) };
const query = buildQuery({ id: 0x1234, name: zone, type: TYPE.SOA, edns: { udpSize: 1232 } });
/** Where the OPT of `query` starts: it is eleven octets at the end. */
const optAt = query.length - 11;

function reply(write: (writer: MessageWriter) => void): Message {
  const writer = new MessageWriter({ limit: 65_535 }).header({ id: 7, flags: headerFlags({ qr: true }) });
  writer.question(questionOf(zone, TYPE.SOA));
  write(writer);
  return readMessage(writer.finish());
}

/** A copy with octets replaced, and another number of records in a section where that is given. */
function changed(bytes: Buffer, changes: Record<number, number>): Buffer {
  const copy = Buffer.from(bytes);
  for (const [offset, octet] of Object.entries(changes)) copy[Number(offset)] = octet;
  return copy;
}

describe('what is read', () => {
  it('takes header, question and its exact octets (RFC 5936, 2.2.2)', () => {
    const message = readMessage(query);
    expect(message).toMatchObject({
      id: 0x1234,
      qr: false,
      opcode: 0,
      rd: false,
      rcode: 0,
      length: query.length,
    });
    expect(message.questions).toHaveLength(1);
    expect(message.questions[0]).toMatchObject({ type: TYPE.SOA, class: CLASS_IN });
    expect(message.questions[0]!.wire.equals(query.subarray(12, optAt))).toBe(true);
    expect(formatName(message.questions[0]!.name)).toBe('Example.COM.');
  });

  it.each([
    ['qr', 0x8000],
    ['aa', 0x0400],
    ['tc', 0x0200],
    ['rd', 0x0100],
    ['ra', 0x0080],
  ] as const)('RFC 1035, 4.1.1: knows the bit %s alone', (flag, bit) => {
    expect(headerFlags({ [flag]: true })).toBe(bit);
    const header = readHeader(changed(query, { 2: bit >> 8, 3: bit & 0xff }));
    expect(header).toMatchObject({ qr: false, aa: false, tc: false, rd: false, ra: false, [flag]: true });
  });

  it('RFC 1996, 3.7: tells opcode and rcode from their neighbours', () => {
    const flags = headerFlags({ qr: true, opcode: OPCODE.NOTIFY, aa: true, rcode: 9 });
    expect(flags).toBe(0xa409);
    expect(readHeader(changed(query, { 2: flags >> 8, 3: flags & 0xff }))).toMatchObject({
      opcode: 4,
      rcode: 9,
    });
  });

  it('RFC 1995, 3: takes the SOA of an IXFR request from the authority section', () => {
    const bytes = buildQuery({ id: 1, name: zone, type: TYPE.IXFR, authoritySoa: serialSoa(4_294_967_295) });
    const message = readMessage(bytes);
    expect(message.authorities).toHaveLength(1);
    expect(message.authorities[0]).toMatchObject({ name: zone, type: TYPE.SOA, class: CLASS_IN, ttl: 0 });
    expect(soaSerial(message.authorities[0]!.rdata)).toBe(4_294_967_295);
  });

  it('RFC 6891, 6.1.2: takes OPT apart', () => {
    const options = [
      { code: 9, data: Buffer.alloc(0) },
      { code: 65_001, data: Buffer.from('abc') },
    ];
    const message = reply((writer) =>
      writer.opt({ udpSize: 4096, extendedRcode: 1, version: 3, dnssecOk: true, options }),
    );
    expect(message.opt).toEqual({ udpSize: 4096, extendedRcode: 1, version: 3, dnssecOk: true, options });
    expect(message.rcode).toBe(16);
    expect(message.additionals).toEqual([]);
  });

  it('RFC 2181, 8: a TTL with its top bit set counts as zero', () => {
    const address = Buffer.from([192, 0, 2, 1]);
    const ttls = [0x7fffffff, 0x80000000, 0xffffffff];
    const message = reply((writer) => {
      for (const ttl of ttls) writer.record(zone, TYPE.A, CLASS_IN, ttl, address);
    });
    expect(message.answers.map((record) => record.ttl)).toEqual([0x7fffffff, 0, 0]);
  });

  it('RFC 2136, 2.5: takes the bare records of an UPDATE, which is refused by its opcode later', () => {
    const writer = new MessageWriter({ limit: 512 }).header({
      id: 1,
      flags: headerFlags({ opcode: OPCODE.UPDATE }),
    });
    writer.record(zone, TYPE.A, 255, 0, Buffer.alloc(0), 'authority');
    expect(readMessage(writer.finish()).authorities[0]!.rdata).toHaveLength(0);
  });

  it('gives copies that outlive the bytes they were read from', () => {
    const bytes = Buffer.from(query);
    const message = readMessage(bytes);
    bytes.fill(0xee);
    expect(formatName(message.questions[0]!.name)).toBe('Example.COM.');
    expect(message.questions[0]!.wire.equals(query.subarray(12, optAt))).toBe(true);
  });

  it('RFC 8945, 4.2: finds TSIG and where it starts', () => {
    const { bytes, mac } = signRequest(query, key, 1_700_000_000_123);
    const message = readMessage(bytes);
    expect(message.tsig!.offset).toBe(query.length);
    expect(message.tsig!.record).toMatchObject({
      timeSigned: 1_700_000_000,
      fudge: 300,
      originalId: 0x1234,
      mac,
    });
    expect(message.opt).toBeDefined();
    expect(message.additionals).toEqual([]);
  });
});

describe('what is refused', () => {
  it('every message that is cut short, wherever', () => {
    const { bytes } = signRequest(query, key, 0);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readMessage(bytes.subarray(0, length)), `${length} octets`).toThrow(FormatError);
    }
  });

  it('octets that are left over', () => {
    expect(() => readMessage(Buffer.concat([query, Buffer.from([0])]))).toThrow('1 octets are left over');
  });

  it('RFC 6891, 6.1.1: two OPT records', () => {
    const two = changed(Buffer.concat([query, query.subarray(optAt)]), { 11: 2 });
    expect(() => readMessage(two)).toThrow('two OPT records');
  });

  it('RFC 6891, 6.1.2: an OPT whose owner is not the root', () => {
    const owned = Buffer.concat([query.subarray(0, optAt), Buffer.from([1, 97]), query.subarray(optAt)]);
    expect(() => readMessage(owned)).toThrow('owner of OPT');
  });

  it('OPT and TSIG outside the additional section', () => {
    expect(() => readMessage(changed(query, { 7: 1, 11: 0 }))).toThrow('OPT stands outside');
    const signed = signRequest(buildQuery({ id: 1, name: zone, type: TYPE.SOA }), key, 0).bytes;
    expect(() => readMessage(changed(signed, { 9: 1, 11: 0 }))).toThrow('TSIG stands outside');
  });

  it('an EDNS option that runs past the end of OPT', () => {
    const option = { code: 3, data: Buffer.from('four') };
    const bytes = buildQuery({
      id: 1,
      name: zone,
      type: TYPE.SOA,
      edns: { udpSize: 512, options: [option] },
    });
    expect(() => readMessage(changed(bytes, { [bytes.length - 5]: 5 }))).toThrow('runs past the end of OPT');
    expect(() => readMessage(changed(bytes, { [bytes.length - 5]: 1 }))).toThrow('cut short');
  });

  it('RFC 8945, 5.1: a TSIG that is not the last record, or stands twice', () => {
    const signed = signRequest(query, key, 0).bytes;
    expect(() => readMessage(changed(Buffer.concat([signed, query.subarray(optAt)]), { 11: 3 }))).toThrow(
      'behind TSIG',
    );
    expect(() => readMessage(signRequest(signed, key, 0).bytes)).toThrow('behind TSIG');
  });

  it('RFC 8945, 4.2: a TSIG with another class or TTL, or with lengths that do not add up', () => {
    const signed = signRequest(query, key, 0).bytes;
    const head = query.length + key.name.length;
    expect(() => readMessage(changed(signed, { [head + 3]: 1 }))).toThrow('class ANY');
    expect(() => readMessage(changed(signed, { [head + 7]: 1 }))).toThrow('class ANY');
    expect(() => readMessage(changed(signed, { [signed.length - 1]: 1 }))).toThrow('do not add up');
    const macLength = head + 10 + 13 + 9;
    expect(() => readMessage(changed(signed, { [macLength]: 31 }))).toThrow('do not add up');
    expect(() => readMessage(changed(signed, { [macLength]: 255 }))).toThrow('do not add up');
  });

  it('rdata whose length is not that of its type', () => {
    const bytes = (length: number): Buffer => {
      const writer = new MessageWriter({ limit: 512 });
      writer.record(zone, TYPE.A, CLASS_IN, 1, Buffer.alloc(length));
      return writer.finish();
    };
    expect(() => readMessage(bytes(4))).not.toThrow();
    for (const length of [0, 3, 5]) expect(() => readMessage(bytes(length))).toThrow(FormatError);
  });

  it('a question that points into the header, which no name stands in', () => {
    // the id is a label of 63 octets that goes on behind the question
    const bytes = Buffer.concat([
      Buffer.from('3f0000000001000000000001c00000060001', 'hex'),
      Buffer.from('00002904d0000000000027', 'hex'),
      Buffer.from('fde90023', 'hex'),
      Buffer.alloc(0x23),
    ]);
    expect(() => readMessage(bytes)).toThrow('the name of the question is compressed');
  });

  it('RFC 1035, 4.1.4: pointers that do not lead backwards', () => {
    const loop = Buffer.concat([
      Buffer.from('000100000001000000000000', 'hex'),
      Buffer.from('c00c00010001', 'hex'),
    ]);
    expect(() => readMessage(loop)).toThrow('backwards');
  });
});

describe('any octets', () => {
  const check = (bytes: Buffer): void => {
    let message: Message;
    try {
      message = readMessage(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      return;
    }
    expect(message.length).toBe(bytes.length);
    expect(meaning(readMessage(reencode(message)))).toEqual(meaning(message));
    read++;
  };
  let read = 0;

  it('give a FormatError, or a message that is equal when it is written again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => check(Buffer.from(octets))),
      { numRuns: 2000 },
    );
  });

  it('give a message or a FormatError behind a header with small counts', () => {
    const counts = fc.array(fc.nat(2), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(counts, fc.uint8Array({ maxLength: 200 }), (numbers, octets) => {
        check(Buffer.from([0, 1, 0, 0, ...numbers.flatMap((count) => [0, count]), ...octets]));
      }),
      { numRuns: 3000 },
    );
  });

  it('give a message or a FormatError where a good message has some octets changed', () => {
    const writer = new MessageWriter({ limit: 4096 }).question(questionOf(zone, TYPE.AXFR));
    writer.record(
      zone,
      TYPE.SOA,
      CLASS_IN,
      60,
      parseRdata(TYPE.SOA, 'ns.example.com. a.example.com. 1 2 3 4 5'),
    );
    writer.record(zone, TYPE.MX, CLASS_IN, 60, parseRdata(TYPE.MX, '10 mail.example.com.'));
    writer.record(zone, TYPE.TXT, CLASS_IN, 60, parseRdata(TYPE.TXT, '"one" "two"'));
    writer.record(zone, TYPE.HTTPS, CLASS_IN, 60, parseRdata(TYPE.HTTPS, '1 . alpn=h2 port=8443'));
    writer.opt({ udpSize: 1232, options: [{ code: 10, data: Buffer.alloc(8) }] });
    const good = signRequest(writer.finish(), key, 0).bytes;
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        check(changed(good, Object.fromEntries(changes)));
      }),
      { numRuns: 3000 },
    );
    expect(read, 'some of them are messages').toBeGreaterThan(100);
  });
});
