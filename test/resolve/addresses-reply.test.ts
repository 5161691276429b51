import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeUpstreamReply } from '../../src/demo/upstream.ts';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import { readAddresses } from '../../src/resolve/addresses-reply.ts';

const asked = absoluteName('wWw.Example.net.');
const message = buildQuery({ id: 7, name: asked, type: TYPE.A, rd: true, edns: { udpSize: 1232 } });
const question = { message, nameLength: asked.length, type: TYPE.A };
const query = readMessage(message);
const record = (text: string, ttl = 60) => ({
  name: asked,
  type: TYPE.A,
  ttl,
  rdata: parseRdata(TYPE.A, text),
});
const good = encodeUpstreamReply(
  query,
  { rcode: 0, answers: [record('203.0.113.1', 60), record('203.0.113.2', 50)], negative: false },
  'udp',
);

const asking = (name: Buffer, type: number = TYPE.A) => ({
  message: buildQuery({ id: 7, name, type }),
  nameLength: name.length,
  type,
});

test('addresses of the very name, with the lowest of their TTLs', () => {
  const read = readAddresses(good, question);
  expect(read?.rdatas.map((rdata) => [...rdata].join('.'))).toEqual(['203.0.113.1', '203.0.113.2']);
  expect(read).toMatchObject({ ttl: 50, ad: false });
});

test('another case, type, or any octet too many is left to the strict reader', () => {
  expect(readAddresses(good, asking(absoluteName('www.example.net.')))).toBeUndefined();
  expect(readAddresses(good, asking(asked, TYPE.AAAA))).toBeUndefined();
  expect(readAddresses(Buffer.concat([good, Buffer.alloc(1)]), question)).toBeUndefined();
  for (let length = 0; length < good.length; length++)
    expect(readAddresses(good.subarray(0, length), question)).toBeUndefined();
});

test('with any octet changed it takes nothing that the strict reader reads otherwise', () => {
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bytes = Buffer.from(good);
      bytes[at]! ^= flip;
      const read = readAddresses(bytes, question);
      if (read === undefined) return;
      const strict = readMessage(bytes);
      expect(strict).toMatchObject({ qr: true, tc: false, rcode: 0, opcode: 0 });
      expect(strict.questions[0]?.name.equals(asked)).toBe(true);
      expect(strict.answers.map(({ rdata }) => rdata.toString('hex'))).toEqual(
        read.rdatas.map((rdata) => rdata.toString('hex')),
      );
      expect(strict.answers.every(({ name, type }) => name.equals(asked) && type === TYPE.A)).toBe(true);
      expect(Math.min(...strict.answers.map(({ ttl }) => ttl))).toBe(read.ttl);
    }),
    { numRuns: 3_000 },
  );
});
