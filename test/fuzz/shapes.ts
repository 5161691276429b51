// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${…} is the notation of $GENERATE
import fc from 'fast-check';
import { frame } from '../../src/dns/framer.ts';
import { type EdnsOption, headerFlags } from '../../src/dns/message.ts';
import { formatName } from '../../src/dns/name.ts';
import { buildQuery, questionOf, serialSoa } from '../../src/dns/query.ts';
import { encodeSoa, formatRdata, parseRdata } from '../../src/dns/rdata/index.ts';
import { signRequest } from '../../src/dns/tsig.ts';
import { TYPE, typeFromText } from '../../src/dns/types.ts';
import { MessageWriter, type Section } from '../../src/dns/writer.ts';
import { packRecords } from '../../src/zone/version.ts';
import { everyType } from '../dns/rdata.examples.ts';
import { withType } from './targets/data.ts';
import { targets } from './targets/index.ts';
import { KEY, NOW, ZONE } from './targets/messages.ts';

/** What each parser gets in the tests: inputs that are well-formed, or nearly so, by the word of `targets`. */
export function shapesOf(parser: string): fc.Arbitrary<Buffer> {
  return damaged(shapes[parser] ?? fc.constant(Buffer.alloc(0)));
}

const LONGEST = 400_000;
/** Octets: of longer words, such as records, the repetition is no other parser's loop. */
const SHORT = 8;

/** Each word of a parser's dictionary, and some that formats have in common, again and again. */
export function longRepetitions(parser: string): Buffer[] {
  const { dictionary = [], limit = LONGEST } = targets[parser]!;
  const common = [
    'a',
    'a.',
    '0',
    '1 ',
    ' ',
    ',',
    '[',
    '{"a":',
    '\\',
    '\\0',
    '"',
    '=',
    '${',
    '\u{1f600}',
    '\ud800',
  ];
  return [...dictionary, ...common]
    .map((word) => Buffer.from(word))
    .filter((word) => word.length <= SHORT)
    .map((word) => Buffer.alloc(limit, word));
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((octets) => Buffer.from(octets));
const text = (lines: fc.Arbitrary<string>) => lines.map((line) => Buffer.from(line));

const name = fc.array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 5 }).map((labels) => {
  const wire = labels.flatMap((label) => [label.length, ...label]);
  return wire.length > 254 ? ZONE : Buffer.from([...wire, 0]);
});
const owner = fc.oneof(fc.constant(ZONE), name);

const data = fc.oneof(
  fc.constantFrom(...everyType).map(([mnemonic, words]) => {
    const type = typeFromText(mnemonic) ?? 0;
    return { type, rdata: parseRdata(type, words) };
  }),
  fc.record({ type: fc.integer({ min: 60_000, max: 65_279 }), rdata: bytes(80) }),
);
const record = fc.record({
  owner,
  ttl: fc.nat(0xffffffff),
  section: fc.constantFrom<Section[]>('answer', 'authority', 'additional'),
  data,
});
const options = fc.array(fc.record({ code: fc.nat(20), data: bytes(20) }), { maxLength: 3 });
const edns = fc.record({
  udpSize: fc.nat(65_535),
  extendedRcode: fc.nat(255),
  version: fc.nat(1),
  dnssecOk: fc.boolean(),
  options,
});

const message = fc
  .record({
    flags: fc.nat(0xffff),
    question: fc.option(fc.tuple(owner, fc.nat(260))),
    records: fc.array(record, { maxLength: 6 }),
    edns: fc.option(edns),
    isSigned: fc.boolean(),
  })
  .map(({ flags, question, records, edns, isSigned }) => {
    const writer = new MessageWriter({ limit: 65_535 }).header({ id: 7, flags });
    if (question) writer.question(questionOf(...question));
    const order: Section[] = ['answer', 'authority', 'additional'];
    for (const section of order)
      for (const { owner, ttl, data } of records.filter((one) => one.section === section))
        writer.record(owner, data.type, 1, ttl, data.rdata, section);
    if (edns) writer.opt(edns);
    const unsigned = writer.finish();
    return isSigned ? signRequest(unsigned, KEY, NOW).bytes : unsigned;
  });

const query = fc
  .record({
    name: owner,
    type: fc.constantFrom(TYPE.SOA, TYPE.AXFR, TYPE.IXFR, TYPE.A),
    opcode: fc.constantFrom(0, 0, 0, 4, 5),
    serial: fc.nat(0xffffffff),
    edns: fc.option(
      fc.record({
        udpSize: fc.nat(65_535),
        version: fc.constantFrom(0, 0, 1),
        options: fc.oneof(fc.constant<EdnsOption[]>([{ code: 9, data: Buffer.alloc(0) }]), options),
      }),
    ),
    isSigned: fc.boolean(),
  })
  .map(({ name, type, opcode, serial, edns, isSigned }) => {
    const bytes = buildQuery({
      id: 7,
      name,
      type,
      opcode,
      ...(edns ? { edns } : {}),
      ...(type === TYPE.IXFR ? { authoritySoa: serialSoa(serial) } : {}),
    });
    return isSigned ? signRequest(bytes, KEY, NOW).bytes : bytes;
  });

const soaOf = (serial: number) =>
  encodeSoa({ mname: ZONE, rname: ZONE, serial, refresh: 1, retry: 2, expire: 3, minimum: 4 });

/** Serials stand for SOA records, the rest for what lies between. */
const transfer = fc
  .record({
    how: fc.nat(255),
    cut: fc.nat(255),
    perMessage: fc.integer({ min: 1, max: 8 }),
    records: fc.array(fc.oneof(fc.nat(4), data), { maxLength: 12 }),
  })
  .map(({ how, cut, perMessage, records }) => {
    const frames: Buffer[] = [];
    const all = [3, ...records, 3];
    for (let at = 0; at < all.length; at += perMessage) {
      const writer = new MessageWriter({ limit: 65_535 }).header({
        id: 7,
        flags: headerFlags({ qr: true, aa: true }),
      });
      if (at === 0) writer.question(questionOf(ZONE, how % 2 === 0 ? TYPE.AXFR : TYPE.IXFR));
      for (const one of all.slice(at, at + perMessage))
        if (typeof one === 'number') writer.record(ZONE, TYPE.SOA, 1, 60, soaOf(one));
        else writer.record(ZONE, one.type, 1, 60, one.rdata);
      frames.push(frame(writer.finish()));
    }
    return Buffer.concat([Buffer.from([how, cut]), ...frames]);
  });

const target = Buffer.from('06746172676574076578616d706c6500', 'hex');
const answer = fc
  .record({
    flags: fc.constantFrom(0x8180, 0x81a0, 0x8380, 0x8183, 0x8580),
    links: fc.array(name, { maxLength: 3 }),
    addresses: fc.array(fc.tuple(fc.ipV4(), fc.nat(0x9fffffff)), { maxLength: 4 }),
    edns: fc.option(edns),
  })
  .map(({ flags, links, addresses, edns }) => {
    const writer = new MessageWriter({ limit: 65_535 }).header({ id: 7, flags });
    writer.question(questionOf(target, TYPE.A));
    let at: Buffer = target;
    for (const link of links) {
      writer.record(at, TYPE.CNAME, 1, 60, link);
      at = link;
    }
    for (const [address, ttl] of addresses) writer.record(at, TYPE.A, 1, ttl, parseRdata(TYPE.A, address));
    if (edns) writer.opt(edns);
    return writer.finish();
  });

/** Without the question: the one that is asked for is put in. */
const told = fc
  .record({
    flags: fc.constantFrom(0x8180, 0x8183, 0x8182, 0x8400, 0x8405),
    records: fc.array(record, { maxLength: 4 }),
    extended: fc.option(fc.tuple(fc.nat(30), fc.string({ unit: 'binary', maxLength: 300 }))),
  })
  .map(({ flags, records, extended }) => {
    const writer = new MessageWriter({ limit: 65_535 }).header({ id: 7, flags });
    for (const { ttl, data } of records) writer.record(target, data.type, 1, ttl, data.rdata);
    const options = extended
      ? [{ code: 15, data: Buffer.concat([Buffer.from([0, extended[0]]), Buffer.from(extended[1])]) }]
      : [];
    writer.opt({ udpSize: 1232, extendedRcode: 0, version: 0, dnssecOk: false, options });
    return writer.finish();
  });

const line = fc.oneof(
  fc
    .tuple(owner, fc.nat(0x7fffffff), data)
    .map(([owner, ttl, { type, rdata }]) =>
      [formatName(owner), ttl, 'IN', `TYPE${type}`, formatRdata(type, rdata)].join(' '),
    ),
  fc.constantFrom(...everyType).map(([mnemonic, words]) => `a ${mnemonic} ${words}`),
  fc.constantFrom(
    '@ 60 IN SOA ns h (1 2 ; begun',
    '3 4 5)',
    '@ SOA ns h 1 2 3 4 5',
    '$ORIGIN sub.example.com.',
    '$ORIGIN .',
    '$TTL 1h30m',
    '$GENERATE 1-9/2 h${0,3,x} A 192.0.2.$',
    '$GENERATE 0-4294967295 h$ A 192.0.2.1',
    '$INCLUDE /etc/passwd',
    '(((((((((((',
    ')',
    '@ ALIAS target.example. ; zoneferry: answers=4 fallback=192.0.2.1',
    '@ ANAME x',
    ' TXT "a" b "c d"',
    'b TXT "not closed',
    'c HTTPS 1 . alpn="h2,h3" port=443',
    '',
  ),
);
const zone = text(fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n')));

const shapes: Readonly<Record<string, fc.Arbitrary<Buffer>>> = {
  message,
  request: fc.oneof(query, message),
  tsig: fc.oneof(query, message),
  inbound: transfer,
  acknowledgement: message,
  answer: fc.oneof(answer, message),
  walk: fc.array(fc.oneof(answer, told), { maxLength: 4 }).map((all) => Buffer.concat(all.map(frame))),
  serial: fc.array(fc.oneof(told, message), { maxLength: 2 }).map((all) => Buffer.concat(all.map(frame))),
  journal: fc
    .tuple(fc.nat(255), fc.array(record, { maxLength: 5 }))
    .map(([cut, records]) =>
      Buffer.concat([
        Buffer.from([cut]),
        packRecords(
          records.map(({ owner, ttl, data }) => ({ name: owner, ttl, type: data.type, rdata: data.rdata })),
        ),
      ]),
    ),
  address: text(
    fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ maxLength: 45, unit: fc.constantFrom(...'0123456789abcf:.%/') }),
    ),
  ),
  words: text(
    fc.oneof(
      fc
        .array(fc.tuple(fc.ipV4(), fc.nat(40)), { maxLength: 4 })
        .map((all) => all.map(([ip, bits]) => `${ip}/${bits}`).join()),
      fc.domain(),
      fc
        .tuple(
          fc.array(fc.oneof(fc.ipV4(), fc.ipV6())),
          fc.constantFrom('exact', 'stable'),
          fc.constantFrom('on', 'off'),
        )
        .map(([ips, how, debug]) => `answers=${how} fallback=${ips.join()} debug-txt=${debug}`),
      fc.tuple(fc.nat(), fc.constantFrom('s', 'm', 'H', 'D', 'w', '')).map((all) => all.join('')),
    ),
  ),
  'name-wire': fc
    .tuple(fc.nat(20), name, bytes(20))
    .map(([offset, name, rest]) =>
      Buffer.concat([Buffer.from([offset]), name, rest, Buffer.from([0xc0, 0x01])]),
    ),
  'name-text': text(fc.oneof(name.map(formatName), fc.string({ maxLength: 300, unit: 'binary' }))),
  'rdata-wire': fc.oneof(
    fc.constantFrom(...everyType).map(([type, words]) => withType(type, words)),
    bytes(60),
  ),
  'rdata-text': text(
    fc.oneof(
      fc.constantFrom(...everyType).map(([type, words]) => `${type} ${words}`),
      data.map(({ type, rdata }) => `TYPE${type} \\# ${rdata.length} ${rdata.toString('hex')}`),
    ),
  ),
  zonefile: zone,
  import: zone,
  alias65401: fc.oneof(name, bytes(40)),
  setting: text(
    fc.oneof(
      fc
        .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(70_000))
        .map(([ip, port]) => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`),
      fc.tuple(fc.ipV4(), fc.domain()).map(([ip, host]) => `tls://${ip}#${host}`),
      fc.webUrl(),
      fc.string({ maxLength: 40 }),
    ),
  ),
  job: text(
    fc.oneof(
      fc.json(),
      fc
        .record(
          { zones: fc.anything(), force: fc.anything(), due: fc.anything(), reason: fc.anything() },
          { requiredKeys: [] },
        )
        .map(
          (data) =>
            JSON.stringify(data, (_key, value) => (typeof value === 'bigint' ? String(value) : value)) ?? '',
        ),
    ),
  ),
};

/** As it is, or with some octets changed, or cut. */
function damaged(whole: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.nat(1_000), fc.nat(255));
  return fc
    .tuple(
      whole,
      fc.oneof(fc.constant([]), fc.array(change, { maxLength: 4 })),
      fc.option(fc.nat(300), { freq: 8 }),
    )
    .map(([input, changes, end]) => {
      const copy = Buffer.from(input);
      for (const [at, octet] of changes) if (copy.length > 0) copy[at % copy.length] = octet;
      return end === null ? copy : copy.subarray(0, Math.max(0, copy.length - (end % (copy.length + 1))));
    });
}
