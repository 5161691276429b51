import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAnswer, encodeReply, type ReplyRecord } from '../../src/dns/codec.ts';
import { FormatError } from '../../src/dns/format-error.ts';
import { headerFlags, readMessage } from '../../src/dns/message.ts';
import { parseName } from '../../src/dns/name.ts';
import { questionOf } from '../../src/dns/query.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { CLASS_IN, TYPE } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';

const name = parseName('WwW.example.com.');
const target = parseName('cdn.example.net.');
const answers: ReplyRecord[] = [
  { type: 'CNAME', name, ttl: 300, target },
  { type: 'A', name: target, ttl: 20, address: '192.0.2.1' },
  { type: 'AAAA', name: target, ttl: 20, address: '2001:db8::1' },
];

describe("resolvers' answers", () => {
  it('are written and read, the case of the question kept', () => {
    const question = { name, type: TYPE.A };
    const bytes = encodeReply({ id: 77, ra: true, rd: true, question, answers, udpSize: 1232 });
    const { message, records, negative } = decodeAnswer(bytes);
    expect(message).toMatchObject({ id: 77, qr: true, ra: true, rd: true, rcode: 0, opt: { udpSize: 1232 } });
    expect(message.questions[0]).toMatchObject({ name, type: TYPE.A });
    expect(records).toEqual(answers);
    expect(negative).toBeUndefined();
  });

  it('RFC 2308, 5: hold, where negative, for the lesser of the TTL and MINIMUM of their SOA', () => {
    const zone = parseName('example.com.');
    const soa = { mname: zone, rname: zone, serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 60 };
    const negative = (ttl: number) =>
      decodeAnswer(
        encodeReply({
          id: 1,
          rcode: 3,
          question: { name, type: TYPE.AAAA },
          authorities: [{ type: 'SOA', name: zone, ttl, soa }],
        }),
      );
    expect(negative(900)).toMatchObject({
      message: { rcode: 3 },
      records: [],
      negative: { zone, ttl: 60, soa },
    });
    expect(negative(5).negative!.ttl).toBe(5);
  });

  it('keep octets in names that dns-packet loses', () => {
    const odd = parseName('a\\.b.\\255.net.');
    const writer = new MessageWriter({ limit: 512 }).header({ id: 1, flags: headerFlags({ qr: true }) });
    writer.question(questionOf(name, TYPE.A));
    writer.record(name, TYPE.CNAME, CLASS_IN, 5, odd);
    expect(decodeAnswer(writer.finish()).records).toEqual([{ type: 'CNAME', name, ttl: 5, target: odd }]);
  });

  it('of other types stand in the message alone', () => {
    const writer = new MessageWriter({ limit: 512 }).header({ id: 1, flags: headerFlags({ qr: true }) });
    writer.record(name, TYPE.HTTPS, CLASS_IN, 5, parseRdata(TYPE.HTTPS, '1 . alpn=h2'));
    writer.record(name, TYPE.A, CLASS_IN, 5, Buffer.from([192, 0, 2, 9]));
    const { records, message } = decodeAnswer(writer.finish());
    expect(records).toEqual([{ type: 'A', name, ttl: 5, address: '192.0.2.9' }]);
    expect(message.answers).toHaveLength(2);
  });
});

describe('what can not be', () => {
  it.each(['999.1.1.1', '1.2.3', '::1', ''])('an A record of "%s" is refused', (address) => {
    const reply = {
      id: 1,
      question: { name, type: TYPE.A },
      answers: [{ type: 'A' as const, name, ttl: 1, address }],
    };
    expect(() => encodeReply(reply)).toThrow(FormatError);
  });

  it('names that dns-packet would write as others are refused', () => {
    for (const text of ['a\\.b.example.', '\\255.example.', 'a\\\\b.']) {
      expect(() => encodeReply({ id: 1, question: { name: parseName(text), type: TYPE.A } })).toThrow(
        FormatError,
      );
    }
  });

  it('the root is written as what it is', () => {
    const root = parseName('.');
    const bytes = encodeReply({ id: 1, question: { name: root, type: TYPE.NS } });
    expect(readMessage(bytes).questions[0]).toMatchObject({ name: root, type: TYPE.NS });
  });

  it('any octets give an answer or a FormatError', () => {
    const good = encodeReply({ id: 1, question: { name, type: TYPE.A }, answers });
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 5 }), fc.nat(good.length), (changes, length) => {
        const bytes = Buffer.from(good.subarray(0, length > good.length / 2 ? good.length : length));
        for (const [offset, octet] of changes) if (offset < bytes.length) bytes[offset] = octet;
        try {
          decodeAnswer(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
