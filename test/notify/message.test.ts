import { expect, test } from 'vitest';
import { headerFlags, readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { questionOf } from '../../src/dns/query.ts';
import { parseRdata, soaSerial } from '../../src/dns/rdata/index.ts';
import { type TsigKey, TsigSigner, tsigErrorReply, verifyRequest } from '../../src/dns/tsig.ts';
import { TYPE } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';
import { type Announcement, buildNotify, readAcknowledgement } from '../../src/notify/message.ts';
import { acknowledge, bareReply } from './fake-secondary.ts';

const clock = { now: () => 1_700_000_000_000 };
const key: TsigKey = {
  name: absoluteName('key.example'),
  algorithm: 'hmac-sha256',
  secret: Buffer.alloc(32, 7),
};
const zoneWire = absoluteName('Example.com');
const soa = parseRdata(TYPE.SOA, 'ns1.example.com. hostmaster.example.com. 4294967295 3600 600 86400 300');
const plain: Announcement = { zoneWire, soa, soaTtl: 900 };
const signed: Announcement = { ...plain, key };

test('RFC 1996, 3.7 and 4.5: opcode 4, AA, no RD, the SOA as question and as answer, nothing else', () => {
  const { bytes, mac } = buildNotify(plain, 0xbeef, clock.now());
  const message = readMessage(bytes);
  expect(mac).toBeUndefined();
  expect(message).toMatchObject({ id: 0xbeef, flags: 0x2400, authorities: [], additionals: [] });
  expect(message.questions.map((question) => question.wire)).toEqual([questionOf(zoneWire, TYPE.SOA)]);
  expect(message.answers).toHaveLength(1);
  expect(message.answers[0]).toMatchObject({ name: zoneWire, type: TYPE.SOA, class: 1, ttl: 900 });
  expect(soaSerial(message.answers[0]!.rdata)).toBe(4294967295);
});

test('RFC 8945: a NOTIFY is signed with the key of the secondary', () => {
  const { bytes, mac } = buildNotify(signed, 7, clock.now());
  const verdict = verifyRequest(bytes, readMessage(bytes), () => key, clock.now());
  expect(verdict).toMatchObject({ kind: 'good', mac });
});

test('a SOA that does not fit 512 octets beside the signature is left out, as it is a hint', () => {
  const nameOf = (letter: string) => Array(4).fill(letter.repeat(60)).join('.');
  const long = absoluteName(nameOf('a'));
  const rdata = parseRdata(TYPE.SOA, `${nameOf('b')}. ${nameOf('c')}. 1 2 3 4 5`);
  const { bytes } = buildNotify({ ...signed, zoneWire: long, soa: rdata }, 1, clock.now());
  expect(readMessage(bytes).answers).toEqual([]);
  expect(bytes.length).toBeLessThanOrEqual(512);
});

test.each([0, 1, 2, 3, 4, 5, 9])('rcode %i is an answer, with a question or without one', (rcode) => {
  const request = readMessage(buildNotify(plain, 1, clock.now()).bytes);
  for (const reply of [acknowledge(request, rcode), bareReply(request, rcode)]) {
    expect(readAcknowledgement(reply, plain, undefined, clock)).toEqual({ kind: 'answered', rcode });
  }
});

test('RFC 4343: the question of the reply may be in another case, and AA need not be set (Knot)', () => {
  const flags = headerFlags({ qr: true, opcode: 4 });
  const question = questionOf(absoluteName('eXAMPLE.COM'), TYPE.SOA);
  const reply = new MessageWriter({ limit: 512 }).header({ id: 1, flags }).question(question).finish();
  expect(readAcknowledgement(reply, plain, undefined, clock).kind).toBe('answered');
});

test('what is no reply to a NOTIFY of this zone is ignored', () => {
  const { bytes } = buildNotify(plain, 1, clock.now());
  const request = readMessage(bytes);
  const about = (name: string, type: number) =>
    acknowledge({
      ...request,
      questions: [{ ...request.questions[0]!, wire: questionOf(absoluteName(name), type) }],
    });
  const strangers = [
    bytes,
    acknowledge(request, 0, { opcode: 0 }),
    about('example.org', TYPE.SOA),
    about('example.com', TYPE.A),
    Buffer.concat([acknowledge(request), Buffer.from([0])]),
    acknowledge(request).subarray(0, 20),
  ];
  for (const stranger of strangers) {
    expect(readAcknowledgement(stranger, plain, undefined, clock).kind).toBe('ignored');
  }
});

test('RFC 8945, 5.3: the reply to a signed NOTIFY counts when it is signed with the same key', () => {
  const { bytes, mac } = buildNotify(signed, 1, clock.now());
  const request = readMessage(bytes);
  const by = (secret: Buffer, rcode = 0) =>
    new TsigSigner({ ...key, secret }, { requestMac: mac!, clock }).sign(acknowledge(request, rcode));
  expect(readAcknowledgement(by(key.secret), signed, mac, clock)).toEqual({ kind: 'answered', rcode: 0 });
  expect(readAcknowledgement(by(key.secret, 5), signed, mac, clock)).toEqual({ kind: 'answered', rcode: 5 });
  expect(readAcknowledgement(by(Buffer.alloc(32, 8)), signed, mac, clock).kind).toBe('ignored');
  expect(readAcknowledgement(acknowledge(request), signed, mac, clock).kind).toBe('ignored');
});

test('RFC 8945, 5.2: why a secondary refuses the signature is kept, though nothing proves it', () => {
  const { bytes, mac } = buildNotify(signed, 1, clock.now());
  const request = readMessage(bytes);
  const verdict = verifyRequest(bytes, request, () => undefined, clock.now());
  if (verdict.kind !== 'badkey') throw new Error('a request with an unknown key');
  const reply = readAcknowledgement(tsigErrorReply(request, verdict, clock.now()), signed, mac, clock);
  expect(reply).toEqual({ kind: 'ignored', why: expect.stringMatching(/^NOTAUTH .*BADKEY/) });
});
