import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/dns/format-error.ts';
import { headerFlags } from '../../src/dns/message.ts';
import { parseName } from '../../src/dns/name.ts';
import { questionOf } from '../../src/dns/query.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { CLASS_IN, TYPE } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';
import { decodeAnswer } from '../support/dns-packet.ts';

const name = parseName('WwW.example.com.');
const target = parseName('cdn.example.net.');

function answerOf(...records: [owner: Buffer, type: number, ttl: number, rdata: Buffer][]): Buffer {
  const writer = new MessageWriter({ limit: 512 }).header({
    id: 77,
    flags: headerFlags({ qr: true, rd: true, ra: true }),
  });
  writer.question(questionOf(name, TYPE.A));
  for (const [owner, type, ttl, rdata] of records) writer.record(owner, type, CLASS_IN, ttl, rdata);
  writer.opt({ udpSize: 1232 });
  return writer.finish();
}

const good = answerOf(
  [name, TYPE.CNAME, 300, target],
  [target, TYPE.A, 20, parseRdata(TYPE.A, '192.0.2.1')],
  [target, TYPE.AAAA, 20, parseRdata(TYPE.AAAA, '2001:db8::1')],
);

describe("resolvers' answers, read by dns-packet too", () => {
  it('are what our writer was given, the case of the question kept', () => {
    const { message, records } = decodeAnswer(good);
    expect(message).toMatchObject({ id: 77, qr: true, ra: true, rd: true, rcode: 0, opt: { udpSize: 1232 } });
    expect(message.questions[0]).toMatchObject({ name, type: TYPE.A });
    expect(records).toEqual([
      { type: 'CNAME', name, ttl: 300, target },
      { type: 'A', name: target, ttl: 20, address: '192.0.2.1' },
      { type: 'AAAA', name: target, ttl: 20, address: '2001:db8::1' },
    ]);
  });

  it('keep octets in names that dns-packet loses', () => {
    const odd = parseName('a\\.b.\\255.net.');
    const { records } = decodeAnswer(answerOf([name, TYPE.CNAME, 5, odd]));
    expect(records).toEqual([{ type: 'CNAME', name, ttl: 5, target: odd }]);
  });

  it('of other types stand in the message alone', () => {
    const { records, message } = decodeAnswer(
      answerOf(
        [name, TYPE.HTTPS, 5, parseRdata(TYPE.HTTPS, '1 . alpn=h2')],
        [name, TYPE.A, 5, Buffer.from([192, 0, 2, 9])],
      ),
    );
    expect(records).toEqual([{ type: 'A', name, ttl: 5, address: '192.0.2.9' }]);
    expect(message.answers).toHaveLength(2);
  });

  it('of any octets are the same addresses for both, or a FormatError', () => {
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 5 }), fc.nat(good.length), (changes, length) => {
        const bytes = Buffer.from(good.subarray(0, length > good.length / 2 ? good.length : length));
        for (const [offset, octet] of changes) if (offset < bytes.length) bytes[offset] = octet;
        try {
          const { message, records } = decodeAnswer(bytes);
          for (const record of records)
            if (record.type !== 'CNAME') {
              const rdata = parseRdata(TYPE[record.type], record.address);
              expect(message.answers.some((own) => own.rdata.equals(rdata))).toBe(true);
            }
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
