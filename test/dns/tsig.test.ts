import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { headerFlags, readMessage } from '../../src/dns/message.ts';
import { nameKey, parseName } from '../../src/dns/name.ts';
import { buildQuery, questionOf } from '../../src/dns/query.ts';
import { appendTsigRecord } from '../../src/dns/tsig/record.ts';
import {
  algorithmFromText,
  isTaken,
  type RequestVerdict,
  signRequest,
  TSIG_ALGORITHMS,
  type TsigAlgorithm,
  TsigError,
  type TsigFailure,
  type TsigFault,
  type TsigKey,
  TsigSigner,
  TsigVerifier,
  tsigErrorReply,
  tsigLength,
  verifyRequest,
} from '../../src/dns/tsig.ts';
import { TYPE } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';

const NOW = 1_750_000_000_500;
const SECONDS = 1_750_000_000;
const clock = { now: () => NOW };
const key: TsigKey = {
  name: parseName('Key.Example.'),
  algorithm: 'hmac-sha256',
  secret: Buffer.from('0123456789abcdef0123456789abcdef'),
};
const query = buildQuery({
  id: 0xbeef,
  name: parseName('example.com.'),
  type: TYPE.AXFR,
  edns: { udpSize: 1232 },
});

/** A reply of which the octets don't matter but for the ID. */
function plainReply(number = 0): Buffer {
  return new MessageWriter({ limit: 512 })
    .header({ id: 0xbeef, flags: headerFlags({ qr: true, aa: true }) })
    .question(questionOf(parseName(`n${number}.example.com.`), TYPE.AXFR))
    .finish();
}

function verify(bytes: Buffer, options: { now?: number; keys?: TsigKey[] } = {}): RequestVerdict {
  const keys = options.keys ?? [key];
  return verifyRequest(
    bytes,
    readMessage(bytes),
    (name) => keys.find((k) => nameKey(k.name) === name),
    options.now ?? NOW,
  );
}

function faultOf(work: () => unknown): TsigFault | 'none' {
  try {
    work();
    return 'none';
  } catch (error) {
    if (error instanceof TsigError) return error.fault;
    throw error;
  }
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function time48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}

/** The MAC by the letter of the RFC, in nothing but octets. */
function macOf(...parts: Buffer[]): Buffer {
  return createHmac('sha256', key.secret).update(Buffer.concat(parts)).digest();
}

const lowerNames = {
  key: Buffer.from('\x03key\x07example\0', 'latin1'),
  algorithm: Buffer.from('\x0bhmac-sha256\0', 'latin1'),
};

function variables(time: number, error = 0, other: Buffer = Buffer.alloc(0)): Buffer {
  const classAndTtl = Buffer.from([0, 255, 0, 0, 0, 0]);
  const timers = Buffer.concat([time48(time), u16(300)]);
  return Buffer.concat([
    lowerNames.key,
    classAndTtl,
    lowerNames.algorithm,
    timers,
    u16(error),
    u16(other.length),
    other,
  ]);
}

describe('what a MAC covers', () => {
  it('RFC 8945, 4.3.3: a request, with names in lower case', () => {
    const { bytes, mac } = signRequest(query, key, NOW);
    expect(mac).toEqual(macOf(query, variables(SECONDS)));
    expect(readMessage(bytes).tsig!.record.mac).toEqual(mac);
    // Knot takes a key's name in no other case.
    expect(readMessage(bytes).tsig!.record.name).toEqual(lowerNames.key);
    expect(bytes.readUInt16BE(10)).toBe(query.readUInt16BE(10) + 1);
    expect(bytes.subarray(12, query.length)).toEqual(query.subarray(12));
  });

  it('RFC 8945, 4.3.3: the first message of a reply, behind the MAC of the request', () => {
    const requestMac: Buffer = Buffer.alloc(32, 9);
    const signed = new TsigSigner(key, { requestMac, clock }).sign(plainReply());
    expect(readMessage(signed).tsig!.record.mac).toEqual(
      macOf(u16(32), requestMac, plainReply(), variables(SECONDS)),
    );
  });

  it('RFC 8945, 5.3.1: each later message, behind the MAC before it and with the timers alone', () => {
    const signer = new TsigSigner(key, { requestMac: Buffer.alloc(32, 9), clock });
    let prior = readMessage(signer.sign(plainReply(0))).tsig!.record.mac;
    for (const number of [1, 2, 3]) {
      const { mac } = readMessage(signer.sign(plainReply(number))).tsig!.record;
      expect(mac).toEqual(macOf(u16(32), prior, plainReply(number), time48(SECONDS), u16(300)));
      prior = mac;
    }
  });

  it.each(Object.keys(TSIG_ALGORITHMS) as TsigAlgorithm[])(
    'knows %s, and the length of its TSIG',
    (algorithm) => {
      const other: TsigKey = { ...key, algorithm };
      const { bytes } = signRequest(query, other, NOW);
      expect(bytes.length - query.length).toBe(tsigLength(other));
      expect(verify(bytes, { keys: [other] }).kind).toBe('good');
      expect(algorithmFromText(algorithm.toUpperCase())).toBe(algorithm);
    },
  );

  it('RFC 8945, 6: uses the old ones only where they are asked for', () => {
    const taken = (legacy: ('hmac-sha1' | 'hmac-md5')[]) =>
      (Object.keys(TSIG_ALGORITHMS) as TsigAlgorithm[]).filter((algorithm) => isTaken(algorithm, legacy));
    const withSha2 = ['hmac-sha256', 'hmac-sha224', 'hmac-sha384', 'hmac-sha512'];
    expect(taken([])).toEqual(withSha2);
    expect(taken(['hmac-sha1'])).toEqual([...withSha2, 'hmac-sha1']);
    expect(taken(['hmac-md5'])).toEqual([...withSha2, 'hmac-md5']);
  });

  it('RFC 8945, 6: knows the old name of MD5, and no algorithm of another name', () => {
    expect(algorithmFromText('HMAC-MD5.SIG-ALG.REG.INT.')).toBe('hmac-md5');
    expect(algorithmFromText('hmac-sha256.')).toBe('hmac-sha256');
    expect(algorithmFromText('sha256')).toBeUndefined();
    expect(algorithmFromText('toString')).toBeUndefined();
  });
});

describe('a request', () => {
  const signed = signRequest(query, key, NOW).bytes;

  it('is unsigned or good', () => {
    expect(verify(query)).toEqual({ kind: 'unsigned' });
    expect(verify(signed)).toMatchObject({ kind: 'good', key, mac: readMessage(signed).tsig!.record.mac });
  });

  it('is good whatever case the names of key and algorithm are in (RFC 8945, 4.3.3)', () => {
    const upper = Buffer.from(signed);
    const record = readMessage(signed).tsig!.record;
    upper.write('KEY', query.length + 1, 'latin1');
    upper.write('HMAC-SHA256', query.length + record.name.length + 11, 'latin1');
    expect(verify(upper).kind).toBe('good');
  });

  it('RFC 8945, 4.2: is good behind a forwarder that changed its ID', () => {
    const forwarded = Buffer.from(signed);
    forwarded.writeUInt16BE(0x1111, 0);
    expect(verify(forwarded).kind).toBe('good');
  });

  it('RFC 8945, 5.2.1: BADKEY for an unknown key, an unknown algorithm, a known key with another algorithm', () => {
    expect(verify(signed, { keys: [] }).kind).toBe('badkey');
    expect(verify(signed, { keys: [{ ...key, algorithm: 'hmac-sha512' }] }).kind).toBe('badkey');
    const unknown = Buffer.from(signed);
    unknown.write('hmac-sha999', query.length + key.name.length + 11, 'latin1');
    expect(verify(unknown).kind).toBe('badkey');
  });

  it('RFC 8945, 5.2.2: BADSIG for another secret, and for any octet changed under the MAC', () => {
    expect(verify(signed, { keys: [{ ...key, secret: Buffer.alloc(32) }] }).kind).toBe('badsig');
    for (const offset of [2, 3, 14, query.length - 9]) {
      const changed = Buffer.from(signed);
      changed[offset]! ^= 1;
      expect(verify(changed).kind, `octet ${offset}`).toBe('badsig');
    }
    const lastOfMac = Buffer.from(signed);
    lastOfMac[signed.length - 7]! ^= 1;
    expect(verify(lastOfMac).kind).toBe('badsig');
  });

  it('BADSIG where there is no MAC at all', () => {
    const record = { ...readMessage(signed).tsig!.record, mac: Buffer.alloc(0) };
    expect(verify(appendTsigRecord(query, record)).kind).toBe('badsig');
  });

  it('RFC 8945, 5.2.3: BADTIME beyond the fudge on either side, good up to it', () => {
    const apart = (seconds: number) => verify(signed, { now: (SECONDS + seconds) * 1000 }).kind;
    expect([-301, -300, 0, 300, 301].map(apart)).toEqual(['badtime', 'good', 'good', 'good', 'badtime']);
  });

  it('RFC 8945, 5.2.3: the MAC is judged before the time', () => {
    const late = signRequest(query, { ...key, secret: Buffer.from('another') }, NOW - 3_600_000).bytes;
    expect(verify(late).kind).toBe('badsig');
  });

  describe('with a truncated MAC (RFC 8945, 5.2.2.1)', () => {
    const record = readMessage(signed).tsig!.record;
    const cutTo = (length: number, from = record.mac): Buffer =>
      appendTsigRecord(query, { ...record, mac: from.subarray(0, length) });

    it('is malformed under half of the hash, or over the whole of it', () => {
      expect(verify(cutTo(15)).kind).toBe('formerr');
      expect(verify(cutTo(33, Buffer.concat([record.mac, Buffer.alloc(1)]))).kind).toBe('formerr');
    });

    it('is malformed under ten octets, with hashes of which that is more than half', () => {
      const md5: TsigKey = { ...key, algorithm: 'hmac-md5', shortestMac: 8 };
      const full = readMessage(signRequest(query, md5, NOW).bytes).tsig!.record;
      const cut = (length: number) => appendTsigRecord(query, { ...full, mac: full.mac.subarray(0, length) });
      expect(verify(cut(9), { keys: [md5] }).kind).toBe('formerr');
      expect(verify(cut(10), { keys: [md5] }).kind).toBe('good');
    });

    it('RFC 8945, 5.2.4: is BADTRUNC where the key does not allow it, good where it does', () => {
      expect(verify(cutTo(16)).kind).toBe('badtrunc');
      expect(verify(cutTo(31)).kind).toBe('badtrunc');
      expect(verify(cutTo(16), { keys: [{ ...key, shortestMac: 16 }] }).kind).toBe('good');
      expect(verify(cutTo(16), { keys: [{ ...key, shortestMac: 20 }] }).kind).toBe('badtrunc');
    });

    it('is BADSIG where its octets are wrong, and BADTIME before BADTRUNC', () => {
      const wrong = Buffer.from(record.mac);
      wrong[0]! ^= 1;
      expect(verify(cutTo(16, wrong)).kind).toBe('badsig');
      expect(verify(cutTo(16), { now: NOW + 400_000 }).kind).toBe('badtime');
    });
  });
});

describe('the reply to a request that failed', () => {
  const signed = signRequest(query, key, NOW).bytes;
  const request = readMessage(signed);
  const replyTo = (verdict: RequestVerdict, now = NOW): Buffer =>
    tsigErrorReply(request, verdict as TsigFailure, now);

  it.each([
    ['badkey', 17, () => verify(signed, { keys: [] })],
    ['badsig', 16, () => verify(signed, { keys: [{ ...key, secret: Buffer.alloc(1) }] })],
  ] as const)('RFC 8945, 5.2.1, 5.2.2, 5.3.2: %s is NOTAUTH with error %i, unsigned', (kind, error, make) => {
    const verdict = make();
    expect(verdict.kind).toBe(kind);
    const reply = readMessage(replyTo(verdict));
    expect(reply).toMatchObject({ id: 0xbeef, qr: true, opcode: 0, rcode: 9, tc: false });
    expect(reply.questions[0]!.wire).toEqual(request.questions[0]!.wire);
    expect(reply.opt).toMatchObject({ version: 0 });
    expect(reply.tsig!.record).toMatchObject({
      error,
      mac: Buffer.alloc(0),
      other: Buffer.alloc(0),
      originalId: 0xbeef,
    });
    expect(nameKey(reply.tsig!.record.name)).toBe('key.example.');
  });

  it("RFC 8945, 5.2.3: badtime is NOTAUTH with error 18, signed, with the client's time and ours", () => {
    const later = NOW + 1_000_000;
    const bytes = replyTo(verify(signed, { now: later }), later);
    const reply = readMessage(bytes);
    const record = reply.tsig!.record;
    expect(reply.rcode).toBe(9);
    expect(record).toMatchObject({ error: 18, timeSigned: SECONDS, other: time48(SECONDS + 1000) });
    const plain = Buffer.from(bytes.subarray(0, reply.tsig!.offset));
    plain.writeUInt16BE(plain.readUInt16BE(10) - 1, 10);
    expect(record.mac).toEqual(
      macOf(u16(32), request.tsig!.record.mac, plain, variables(SECONDS, 18, time48(SECONDS + 1000))),
    );
    expect(bytes.length - reply.tsig!.offset).toBe(tsigLength(key, 6));
  });

  it('RFC 8945, 5.2.4, 5.3.2: badtrunc is NOTAUTH with error 22, signed', () => {
    const record = request.tsig!.record;
    const short = appendTsigRecord(query, { ...record, mac: record.mac.subarray(0, 16) });
    const reply = readMessage(replyTo(verify(short)));
    expect(reply.rcode).toBe(9);
    expect(reply.tsig!.record.error).toBe(22);
    expect(reply.tsig!.record.mac).toHaveLength(32);
  });

  it('RFC 8945, 5.2.2.1: an impossible MAC length is plain FORMERR', () => {
    const record = { ...request.tsig!.record, mac: Buffer.alloc(3) };
    const reply = readMessage(replyTo(verify(appendTsigRecord(query, record))));
    expect(reply.rcode).toBe(1);
    expect(reply.tsig).toBeUndefined();
  });

  it('has no OPT where the request had none (RFC 6891, 7)', () => {
    const bare = signRequest(buildQuery({ id: 1, name: parseName('a.'), type: TYPE.SOA }), key, NOW).bytes;
    const failure = verify(bare, { keys: [] }) as TsigFailure;
    expect(readMessage(tsigErrorReply(readMessage(bare), failure, NOW)).opt).toBeUndefined();
  });

  describe('within what a datagram may have', () => {
    const long = (letter: string) => parseName(`${`${letter.repeat(63)}.`.repeat(3)}${letter.repeat(61)}.`);
    const longKey: TsigKey = { ...key, name: long('k'), algorithm: 'hmac-sha512' };
    const longQuery = buildQuery({ id: 1, name: long('q'), type: TYPE.SOA, edns: { udpSize: 512 } });
    const longSigned = signRequest(longQuery, longKey, NOW).bytes;
    const replyWithin = (bytes: Buffer, options: Parameters<typeof verify>[1], limit?: number): Buffer =>
      tsigErrorReply(readMessage(bytes), verify(bytes, options) as TsigFailure, options?.now ?? NOW, {
        ...(limit === undefined ? {} : { limit }),
      });

    it('is whole where it fits', () => {
      const reply = readMessage(replyWithin(longSigned, { keys: [] }, 1232));
      expect(reply).toMatchObject({ tc: false, questions: [{ type: TYPE.SOA }] });
      expect(reply.tsig!.record.error).toBe(17);
      const exact = replyWithin(longSigned, { keys: [] }).length;
      expect(replyWithin(longSigned, { keys: [] }, exact)).toHaveLength(exact);
      expect(replyWithin(longSigned, { keys: [] }, exact - 1).length).toBeLessThan(exact);
    });

    it('RFC 8945, 5.3: else is TC, without the question but with TSIG, signed where it has to be', () => {
      const unsigned = replyWithin(longSigned, { keys: [] }, 512);
      expect(unsigned.length).toBeLessThanOrEqual(512);
      expect(readMessage(unsigned)).toMatchObject({ tc: true, rcode: 9, questions: [], opt: { version: 0 } });
      expect(readMessage(unsigned).tsig!.record).toMatchObject({ error: 17, mac: Buffer.alloc(0) });
      const late = replyWithin(longSigned, { keys: [longKey], now: NOW + 400_000 }, 512);
      expect(late.length).toBeLessThanOrEqual(512);
      const reply = readMessage(late);
      expect(reply).toMatchObject({ tc: true, rcode: 9, questions: [] });
      expect(reply.tsig!.record).toMatchObject({ error: 18, other: time48(SECONDS + 400) });
      const { mac } = readMessage(longSigned).tsig!.record;
      expect(faultOf(() => new TsigVerifier(longKey, mac, clock).verify(late))).toBe('refused by peer');
    });

    it('and without TSIG where even that is too much, which has no MAC then', () => {
      const { record } = readMessage(longSigned).tsig!;
      const strange = appendTsigRecord(longQuery, { ...record, algorithm: long('a') });
      const bytes = replyWithin(strange, { keys: [] }, 512);
      expect(bytes.length).toBeLessThanOrEqual(512);
      const reply = readMessage(bytes);
      expect(reply).toMatchObject({
        tc: true,
        rcode: 9,
        questions: [{ type: TYPE.SOA }],
        opt: { version: 0 },
      });
      expect(reply.tsig).toBeUndefined();
    });
  });

  it('RFC 7830, 4: is padded over TLS where the request had OPT, TSIG counted', () => {
    const padded = (bytes: Buffer, options: Parameters<typeof verify>[1]): Buffer =>
      tsigErrorReply(readMessage(bytes), verify(bytes, options) as TsigFailure, options?.now ?? NOW, {
        isPadded: true,
      });
    expect(padded(signed, { keys: [] })).toHaveLength(468);
    const late = padded(signed, { now: NOW + 400_000 });
    expect(late).toHaveLength(468);
    expect(readMessage(late).opt!.options.map((option) => option.code)).toEqual([12]);
    const bare = signRequest(buildQuery({ id: 1, name: parseName('a.'), type: TYPE.SOA }), key, NOW).bytes;
    expect(readMessage(padded(bare, { keys: [] })).opt).toBeUndefined();
  });

  it('is understood by our own verifier', () => {
    const mac = request.tsig!.record.mac;
    const faultAndCode = (bytes: Buffer): unknown => {
      try {
        return new TsigVerifier(key, mac, clock).verify(bytes);
      } catch (error) {
        return [(error as TsigError).fault, (error as TsigError).peerError];
      }
    };
    expect(faultAndCode(replyTo(verify(signed, { keys: [] })))).toEqual(['refused by peer', 17]);
    const late = replyTo(verify(signed, { now: NOW + 400_000 }), NOW + 400_000);
    expect(faultAndCode(late)).toEqual(['refused by peer', 18]);
    late[late.length - 20]! ^= 1;
    expect(faultAndCode(late)).toEqual(['bad mac', 0]);
  });
});

describe('a reply of many messages', () => {
  const requestMac: Buffer = Buffer.alloc(32, 9);

  /** Messages of which those numbered are signed, as RFC 8945, 5.3.1, allows a server. */
  function stream(count: number, isSigned: (index: number) => boolean): Buffer[] {
    let prior = requestMac;
    let since: Buffer[] = [];
    return Array.from({ length: count }, (_, index) => {
      const message = plainReply(index);
      if (!isSigned(index)) {
        since.push(message);
        return message;
      }
      const last = index === 0 ? variables(SECONDS) : Buffer.concat([time48(SECONDS), u16(300)]);
      prior = macOf(u16(prior.length), prior, ...since, message, last);
      since = [];
      return appendTsigRecord(message, {
        name: key.name,
        algorithm: lowerNames.algorithm,
        timeSigned: SECONDS,
        fudge: 300,
        mac: prior,
        originalId: 0xbeef,
        error: 0,
        other: Buffer.alloc(0),
      });
    });
  }

  function take(messages: Buffer[], options: { key?: TsigKey; now?: number } = {}): TsigFault | 'none' {
    const verifier = new TsigVerifier(options.key ?? key, requestMac, { now: () => options.now ?? NOW });
    return faultOf(() => {
      for (const bytes of messages) verifier.verify(bytes);
      verifier.finish();
    });
  }

  it('passes from our signer, every message signed', () => {
    const signer = new TsigSigner(key, { requestMac, clock });
    const messages = Array.from({ length: 5 }, (_, index) => signer.sign(plainReply(index)));
    expect(messages.every((bytes) => readMessage(bytes).tsig !== undefined)).toBe(true);
    expect(take(messages)).toBe('none');
  });

  it('RFC 8945, 5.3.1: passes with up to 99 unsigned messages in a row', () => {
    expect(take(stream(5, (index) => index % 2 === 0))).toBe('none');
    expect(take(stream(201, (index) => index % 100 === 0))).toBe('none');
    expect(take(stream(102, (index) => index % 101 === 0))).toBe('too many unsigned');
  });

  it('RFC 8945, 5.3.1: the first and the last are signed', () => {
    expect(take(stream(3, (index) => index > 0))).toBe('unsigned');
    expect(take(stream(3, (index) => index < 2))).toBe('last unsigned');
    expect(take([])).toBe('unsigned');
  });

  it('fails where a message is changed, left out, doubled or moved', () => {
    const messages = stream(6, (index) => index % 2 === 0 || index === 5);
    expect(take(messages)).toBe('none');
    const changed = messages.map((bytes) => Buffer.from(bytes));
    changed[1]![14]! ^= 1;
    expect(take(changed)).toBe('bad mac');
    expect(take(messages.toSpliced(1, 1))).toBe('bad mac');
    expect(take(messages.toSpliced(2, 1))).toBe('bad mac');
    expect(take(messages.toSpliced(2, 0, messages[2]!))).toBe('bad mac');
    expect(take([messages[0]!, messages[2]!, messages[1]!, ...messages.slice(3)])).toBe('bad mac');
  });

  it('fails for another request, key, secret or time', () => {
    const messages = stream(1, () => true);
    expect(
      take(
        stream(1, () => true),
        { key: { ...key, secret: Buffer.alloc(1) } },
      ),
    ).toBe('bad mac');
    expect(take(messages, { key: { ...key, name: parseName('other.') } })).toBe('wrong key');
    expect(take(messages, { key: { ...key, algorithm: 'hmac-sha512' } })).toBe('wrong key');
    expect(take(messages, { now: NOW + 400_000 })).toBe('bad time');
    expect(faultOf(() => new TsigVerifier(key, Buffer.alloc(32), clock).verify(messages[0]!))).toBe(
      'bad mac',
    );
  });

  it('takes no truncated MAC unless the key allows it', () => {
    const bytes = stream(1, () => true)[0]!;
    const { record } = readMessage(bytes).tsig!;
    const short = appendTsigRecord(plainReply(0), { ...record, mac: record.mac.subarray(0, 16) });
    expect(take([short])).toBe('wrong mac length');
    expect(take([short], { key: { ...key, shortestMac: 16 } })).toBe('none');
    const empty = appendTsigRecord(plainReply(0), { ...record, mac: Buffer.alloc(0) });
    expect(take([empty])).toBe('wrong mac length');
  });
});
