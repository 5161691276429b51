import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerFlags, readMessage } from '../../src/dns/message.ts';
import { parseName, ROOT } from '../../src/dns/name.ts';
import { questionOf } from '../../src/dns/query.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { CLASS_IN, TYPE } from '../../src/dns/types.ts';
import { MessageWriter, type WriterOptions } from '../../src/dns/writer.ts';

const zone = parseName('example.com.');
const address = Buffer.from([192, 0, 2, 1]);

/** Names from few labels in both cases, so that they share ends and differ in case. */
const label = fc.constantFrom('a', 'A', 'b', 'example', 'Example', 'com', 'COM', 'x'.repeat(63));
const name = fc
  .array(label, { maxLength: 5 })
  .map((labels) => labels.slice(0, 3).join('.'))
  .map((text) => parseName(`${text}.`));
const record = fc.oneof(
  fc.record({ name, type: fc.constant(TYPE.A as number), ttl: fc.nat(), rdata: fc.constant(address) }),
  fc.record({
    name,
    type: fc.constantFrom<number>(TYPE.NS, TYPE.CNAME, TYPE.PTR),
    ttl: fc.nat(),
    rdata: name,
  }),
  fc.record({
    name,
    type: fc.constant(TYPE.MX as number),
    ttl: fc.nat(),
    rdata: name.map((host) => Buffer.concat([Buffer.from([0, 10]), host])),
  }),
  fc.record({
    name,
    type: fc.constant(TYPE.SOA as number),
    ttl: fc.nat(),
    rdata: fc.tuple(name, name).map(([a, b]) => Buffer.concat([a, b, Buffer.alloc(20, 3)])),
  }),
  fc.record({
    name,
    type: fc.constant(TYPE.SRV as number),
    ttl: fc.nat(),
    rdata: name.map((host) => Buffer.concat([Buffer.alloc(6), host])),
  }),
  fc.record({
    name,
    type: fc.constant(65_400),
    ttl: fc.nat(),
    rdata: fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets)),
  }),
);

function writeAll(records: Written[], options: WriterOptions): Buffer[] {
  const writer = new MessageWriter(options);
  const messages: Buffer[] = [];
  writer.question(questionOf(zone, TYPE.AXFR));
  for (const { name: owner, type, ttl, rdata } of records) {
    if (writer.record(owner, type, CLASS_IN, ttl, rdata)) continue;
    messages.push(writer.finish());
    writer.reset().question(questionOf(zone, TYPE.AXFR));
    expect(writer.record(owner, type, CLASS_IN, ttl, rdata)).toBe(true);
  }
  messages.push(writer.finish());
  return messages;
}

interface Written {
  name: Buffer;
  type: number;
  ttl: number;
  rdata: Buffer;
}

describe('what is written is read back', () => {
  it.each([
    ['compressed', {}],
    ['compressed, without the question', { matchQuestion: false }],
    ['in full', { compress: false }],
  ])('octet for octet, case kept, in messages of any size: %s', (_, options) => {
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 60 }),
        fc.integer({ min: 1000, max: 6000 }),
        (records, limit) => {
          const messages = writeAll(records, { limit, ...options });
          for (const bytes of messages) expect(bytes.length).toBeLessThanOrEqual(limit);
          const read = messages.flatMap((bytes) => readMessage(bytes).answers);
          expect(read.length).toBe(records.length);
          read.forEach((got, index) => {
            const wanted = records[index]!;
            expect([got.type, got.ttl]).toEqual([wanted.type, wanted.ttl]);
            expect(got.name.equals(wanted.name)).toBe(true);
            expect(got.rdata.equals(wanted.rdata)).toBe(true);
          });
        },
      ),
    );
  });

  it('also where pointers can not reach any more (RFC 1035, 4.1.4: fourteen bits)', () => {
    const records = Array.from({ length: 3000 }, (_, index) => ({
      name: parseName(`host-${index}.Sub${index % 700}.example.com.`),
      type: TYPE.PTR as number,
      ttl: 1,
      rdata: parseName(`h${index % 900}.target${index % 50}.Example.com.`),
    }));
    const messages = writeAll(records, { limit: 65_535 });
    const read = messages.flatMap((bytes) => readMessage(bytes).answers);
    expect(read.length).toBe(records.length);
    expect(read.every((got, index) => got.name.equals(records[index]!.name))).toBe(true);
    expect(read.every((got, index) => got.rdata.equals(records[index]!.rdata))).toBe(true);
  });

  it('also where the same label stands before a thousand others', () => {
    const names = Array.from({ length: 2000 }, (_, index) => parseName(`www.s${index % 1000}.example.com.`));
    const records = names.map((owner) => ({ name: owner, type: TYPE.A as number, ttl: 1, rdata: address }));
    const read = writeAll(records, { limit: 65_535 }).flatMap((bytes) => readMessage(bytes).answers);
    expect(read.map((got) => got.name)).toEqual(names);
  });

  it('by dns-packet too', () => {
    const writer = new MessageWriter({ limit: 512 }).header({
      id: 99,
      flags: headerFlags({ qr: true, aa: true }),
    });
    writer.question(questionOf(zone, TYPE.MX));
    writer.record(zone, TYPE.MX, CLASS_IN, 60, parseRdata(TYPE.MX, '10 Mail.example.com.'));
    writer.record(parseName('mail.example.com.'), TYPE.A, CLASS_IN, 60, address, 'additional');
    const packet = dnsPacket.decode(writer.finish());
    expect(packet.answers![0]).toMatchObject({
      name: 'example.com',
      data: { preference: 10, exchange: 'Mail.example.com' },
    });
    expect(packet.additionals![0]).toMatchObject({ name: 'mail.example.com', data: '192.0.2.1' });
  });
});

describe('compression', () => {
  const lengthOf = (names: string[], options: Partial<WriterOptions> = {}): number[] => {
    const writer = new MessageWriter({ limit: 65_535, ...options }).question(questionOf(zone, TYPE.AXFR));
    return names.map((text) => {
      const before = writer.length;
      writer.record(parseName(text), TYPE.A, CLASS_IN, 1, address);
      return writer.length - before - 14;
    });
  };

  it('points at the longest end that the message has', () => {
    expect(
      lengthOf(['example.com.', 'www.example.com.', 'www.example.com.', 'a.www.example.com.', '.']),
    ).toEqual([2, 6, 2, 4, 1]);
  });

  it('RFC 5936, 3.4: never points at another case', () => {
    expect(lengthOf(['Example.com.', 'example.COM.', 'www.Example.com.'])).toEqual([8 + 2, 13, 6]);
  });

  it('leaves the question alone where told so', () => {
    expect(lengthOf(['example.com.', 'www.example.com.'], { matchQuestion: false })).toEqual([13, 6]);
  });

  it('does not happen where told so', () => {
    expect(lengthOf(['example.com.', 'example.com.'], { compress: false })).toEqual([13, 13]);
  });

  it('RFC 3597, 4: names inside rdata only for NS CNAME PTR MX SOA', () => {
    const rdataLength = (type: number, text: string): number => {
      const writer = new MessageWriter({ limit: 512 }).question(questionOf(zone, type));
      writer.record(zone, type, CLASS_IN, 1, parseRdata(type, text));
      return writer.length - 12 - 17 - 12;
    };
    expect(rdataLength(TYPE.NS, 'example.com.')).toBe(2);
    expect(rdataLength(TYPE.CNAME, 'example.com.')).toBe(2);
    expect(rdataLength(TYPE.PTR, 'example.com.')).toBe(2);
    expect(rdataLength(TYPE.MX, '1 example.com.')).toBe(4);
    expect(rdataLength(TYPE.SOA, 'example.com. a.example.com. 1 2 3 4 5')).toBe(2 + 4 + 20);
    expect(rdataLength(TYPE.SRV, '1 2 3 example.com.')).toBe(6 + 13);
    expect(rdataLength(TYPE.DNAME, 'example.com.')).toBe(13);
    expect(rdataLength(TYPE.RP, 'example.com. example.com.')).toBe(26);
    expect(rdataLength(TYPE.HTTPS, '0 example.com.')).toBe(2 + 13);
  });
});

describe('limits', () => {
  it('a record that does not fit leaves the message as it was, and its names unknown', () => {
    const long = parseName(`${'y'.repeat(60)}.${'z'.repeat(60)}.example.com.`);
    const write = (withTry: boolean): Buffer => {
      const writer = new MessageWriter({ limit: 160 }).question(questionOf(zone, TYPE.AXFR));
      writer.record(zone, TYPE.A, CLASS_IN, 1, address);
      if (withTry) {
        // The owner fits, the rdata does not: what the owner taught the table has to be forgotten.
        expect(writer.record(parseName('new.example.com.'), TYPE.PTR, CLASS_IN, 1, long)).toBe(false);
        expect(writer.record(long, TYPE.A, CLASS_IN, 1, address)).toBe(false);
      }
      expect(writer.record(parseName('b.new.example.com.'), TYPE.A, CLASS_IN, 1, address)).toBe(true);
      expect(writer.record(parseName('new.example.com.'), TYPE.A, CLASS_IN, 1, address)).toBe(true);
      return writer.finish();
    };
    expect(write(true).equals(write(false))).toBe(true);
    expect(readMessage(write(true)).answers).toHaveLength(3);
  });

  it('fills a message to its last octet and no further', () => {
    const owner = parseName('a.');
    const sizes = [12 + 3 + 14 - 1, 12 + 3 + 14];
    const fits = sizes.map((limit) =>
      new MessageWriter({ limit }).record(owner, TYPE.A, CLASS_IN, 1, address),
    );
    expect(fits).toEqual([false, true]);
  });

  it('keeps the reserve free of records and gives it to OPT', () => {
    const writer = new MessageWriter({ limit: 40, reserve: 11 });
    expect(writer.record(parseName('a.'), TYPE.A, CLASS_IN, 1, address)).toBe(true);
    expect(writer.record(ROOT, TYPE.A, CLASS_IN, 1, address)).toBe(false);
    expect(writer.opt({ udpSize: 1232 })).toBe(true);
    expect(writer.opt({ udpSize: 1232 })).toBe(false);
    expect(readMessage(writer.finish()).length).toBe(40);
  });

  it('writes messages of 65,535 octets, and refuses limits above', () => {
    const writer = new MessageWriter({ limit: 65_535 });
    expect(writer.record(ROOT, 65_400, CLASS_IN, 1, Buffer.alloc(65_535 - 12 - 11))).toBe(true);
    expect(writer.finish().length).toBe(65_535);
    expect(() => new MessageWriter({ limit: 65_536 })).toThrow(RangeError);
  });

  it('keeps the sections in their order', () => {
    const writer = new MessageWriter({ limit: 512 });
    writer.record(zone, TYPE.A, CLASS_IN, 1, address, 'authority');
    expect(() => writer.record(zone, TYPE.A, CLASS_IN, 1, address)).toThrow('too late');
    expect(() => writer.question(questionOf(zone, TYPE.A))).toThrow('behind a record');
  });

  it('finds rdata that is malformed before a peer does, and goes on without it', () => {
    const writer = new MessageWriter({ limit: 512 });
    const before = writer.length;
    expect(() => writer.record(zone, TYPE.NS, CLASS_IN, 1, Buffer.from([3, 97]))).toThrow('malformed name');
    expect(() => writer.record(zone, TYPE.MX, CLASS_IN, 1, Buffer.from([0, 1, 0xc0, 12]))).toThrow(
      'malformed name',
    );
    expect(writer.length).toBe(before);
    expect(writer.record(zone, TYPE.NS, CLASS_IN, 1, zone)).toBe(true);
    expect(readMessage(writer.finish()).answers).toHaveLength(1);
  });

  it('starts anew after reset', () => {
    const writer = new MessageWriter({ limit: 512 }).header({ id: 5, flags: 0x8400 });
    const write = (): Buffer => {
      writer
        .question(questionOf(zone, TYPE.A))
        .record(zone, TYPE.NS, CLASS_IN, 1, parseName('ns.example.com.'));
      return writer.finish();
    };
    const first = write();
    writer.reset();
    expect(writer.recordCount).toBe(0);
    expect(write().equals(first)).toBe(true);
  });
});

describe('speed', () => {
  it('renders names with shared ends at hundreds of thousands a second on any machine', () => {
    const owners = Array.from({ length: 20_000 }, (_, index) =>
      parseName(`host-${index}.sub${index % 50}.example.com.`),
    );
    const writer = new MessageWriter({ limit: 65_535 });
    const render = (): void => {
      writer.reset();
      for (const owner of owners) {
        if (!writer.record(owner, TYPE.A, CLASS_IN, 1, address)) writer.reset();
      }
    };
    render();
    const start = process.hrtime.bigint();
    for (let round = 0; round < 5; round++) render();
    const perSecond = (5 * owners.length) / (Number(process.hrtime.bigint() - start) / 1e9);
    // Over three million where nothing else runs; the bound is for a table that degenerates, not for a busy machine.
    expect(perSecond).toBeGreaterThan(150_000);
  });
});
