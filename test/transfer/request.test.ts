import { describe, expect, it } from 'vitest';
import { headerFlags } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { questionOf } from '../../src/dns/query.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { CLASS_IN, OPCODE, TYPE } from '../../src/dns/types.ts';
import { MessageWriter, type Section } from '../../src/dns/writer.ts';
import { parseRequest } from '../../src/transfer/request.ts';

const zone = absoluteName('example.com.');
const SOA = parseRdata(TYPE.SOA, 'any.example. any.example. 7 0 0 0 0');
const A = parseRdata(TYPE.A, '192.0.2.1');
type Extra = [section: Section, name: string, type: number, rdata: Buffer, recordClass?: number];

/** What becomes of a request with these records beside its question. */
function outcome(type: number, extras: Extra[], opcode: number = OPCODE.QUERY): string {
  const writer = new MessageWriter({ limit: 4096 })
    .header({ id: 1, flags: headerFlags({ opcode }) })
    .question(questionOf(zone, type));
  for (const [section, name, recordType, rdata, recordClass = CLASS_IN] of extras)
    writer.record(absoluteName(name), recordType, recordClass, 0, rdata, section);
  const parsed = parseRequest(writer.finish(), 'tcp');
  if (parsed.kind !== 'readable') return parsed.kind;
  const { refusal, ask } = parsed.request;
  if (refusal !== undefined) return `${refusal.reason}: ${refusal.detail}`;
  if (ask.kind === 'other') return ask.refusal.reason;
  return ask.kind === 'IXFR' ? `IXFR from ${ask.serial}` : ask.kind;
}

const soa = (name = 'example.com.', section: Section = 'authority', recordClass = CLASS_IN): Extra => [
  section,
  name,
  TYPE.SOA,
  SOA,
  recordClass,
];

describe('what a request may hold', () => {
  it.each<[string, Extra[], string]>([
    ['the SOA of the client alone', [soa()], 'IXFR from 7'],
    ['its owner in another case', [soa('EXAMPLE.com.')], 'IXFR from 7'],
    ['no SOA', [], 'malformed: 0 records in the authority section'],
    ['two SOAs', [soa(), soa()], 'malformed: 2 records in the authority section'],
    [
      'the SOA of another name',
      [soa('example.org.')],
      'malformed: the SOA in the authority section is of another name',
    ],
    [
      'something else than a SOA',
      [['authority', 'example.com.', TYPE.A, A]],
      'malformed: the authority section of IXFR has no SOA',
    ],
    [
      'a SOA of another class',
      [soa('example.com.', 'authority', 3)],
      'malformed: the authority section of IXFR has no SOA',
    ],
    ['the SOA as an answer', [soa('example.com.', 'answer')], 'malformed: 1 records in the answer section'],
    [
      'records behind it',
      [soa(), ['additional', 'example.com.', TYPE.A, A]],
      'malformed: 1 records in the additional section',
    ],
  ])('IXFR (RFC 1995, 3): %s', (_, extras, says) => {
    expect(outcome(TYPE.IXFR, extras)).toContain(says);
  });

  it.each<[string, Extra[], string]>([
    ['nothing', [], 'AXFR'],
    ['an answer', [['answer', 'example.com.', TYPE.A, A]], 'malformed: 1 records in the answer section'],
    [
      'a SOA, as IXFR has',
      [soa()],
      'malformed: 1 records in the authority section of AXFR, none are expected',
    ],
    [
      'a record behind it',
      [['additional', 'example.com.', TYPE.A, A]],
      'malformed: 1 records in the additional section, OPT and TSIG alone',
    ],
  ])('AXFR (RFC 5936, 2.1): %s', (_, extras, says) => {
    expect(outcome(TYPE.AXFR, extras)).toContain(says);
  });

  it('NOTIFY, which says SOA too, is no question to a primary (RFC 1996, 4.6)', () => {
    expect(outcome(TYPE.SOA, [soa('example.com.', 'answer')], OPCODE.NOTIFY)).toBe('notify');
  });
});
