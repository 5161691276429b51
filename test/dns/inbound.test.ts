import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applySteps,
  type InboundOptions,
  type InboundResult,
  InboundTransfer,
  recordKey,
  TransferError,
  type TransferFault,
} from '../../src/dns/inbound.ts';
import { headerFlags, type Message, type ResourceRecord, readMessage } from '../../src/dns/message.ts';
import { absoluteName, formatName, parseName } from '../../src/dns/name.ts';
import { questionOf } from '../../src/dns/query.ts';
import { formatRdata, parseRdata, soaSerial } from '../../src/dns/rdata/index.ts';
import { CLASS_IN, TYPE, typeFromText, typeToText } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';

const zone = parseName('jain.ad.jp.');
const ID = 4711;

/** The records of RFC 1995, 7, in its own spelling. */
const soa = (serial: number, rest = '600 600 3600000 604800') =>
  `JAIN.AD.JP. SOA NS.JAIN.AD.JP. mohta.jain.ad.jp. ${serial} ${rest}`;
const ns = 'JAIN.AD.JP. NS NS.JAIN.AD.JP.';
const nsAddress = 'NS.JAIN.AD.JP. A 133.69.136.1';
const nezu = 'NEZU.JAIN.AD.JP. A 133.69.136.5';
const bb4 = 'JAIN-BB.JAIN.AD.JP. A 133.69.136.4';
const bb3 = 'JAIN-BB.JAIN.AD.JP. A 133.69.136.3';
const bb2 = 'JAIN-BB.JAIN.AD.JP. A 192.41.197.2';
const full = [soa(3), ns, nsAddress, bb3, bb2, soa(3)];
const incremental = [soa(3), soa(1), nezu, soa(2), bb4, bb2, soa(2), bb4, soa(3), bb3, soa(3)];

function record(text: string, overrides: Partial<ResourceRecord> = {}): ResourceRecord {
  const [owner, typeText, ...rdata] = text.split(' ');
  const type = typeFromText(typeText!)!;
  return {
    name: absoluteName(owner!),
    type,
    class: CLASS_IN,
    ttl: 3600,
    rdata: parseRdata(type, rdata.join(' ')),
    ...overrides,
  };
}

interface Shape {
  kind?: 'AXFR' | 'IXFR';
  flags?: Parameters<typeof headerFlags>[0];
  id?: number;
  question?: Buffer | false;
  authority?: string;
}

/** A message with these records, as read from the wire. */
function message(records: (string | ResourceRecord)[], shape: Shape = {}): Message {
  const writer = new MessageWriter({ limit: 65_535 }).header({
    id: shape.id ?? ID,
    flags: headerFlags({ qr: true, aa: true, ...shape.flags }),
  });
  if (shape.question !== false)
    writer.question(shape.question ?? questionOf(zone, TYPE[shape.kind ?? 'IXFR']));
  for (const each of records) {
    const { name, type, class: recordClass, ttl, rdata } = typeof each === 'string' ? record(each) : each;
    writer.record(name, type, recordClass, ttl, rdata);
  }
  if (shape.authority !== undefined) {
    const { name, type, ttl, rdata } = record(shape.authority);
    writer.record(name, type, CLASS_IN, ttl, rdata, 'authority');
  }
  return readMessage(writer.finish());
}

function text({ name, type, rdata }: ResourceRecord): string {
  return `${formatName(name)} ${typeToText(type)} ${formatRdata(type, rdata)}`;
}

/** The result of messages that are a complete transfer. */
function receive(messages: Message[], options: Partial<InboundOptions> = {}): InboundResult {
  const kind = options.kind ?? 'IXFR';
  const inbound = new InboundTransfer({
    zone,
    id: ID,
    kind,
    ...(kind === 'IXFR' ? { haveSerial: 1 } : {}),
    ...options,
  });
  messages.forEach((each, index) => {
    expect(inbound.message(each)).toBe(index === messages.length - 1 ? 'done' : 'more');
  });
  expect(inbound.result).toBeDefined();
  return inbound.end();
}

function faultOf(messages: Message[], options: Partial<InboundOptions> = {}): TransferFault | 'none' {
  const kind = options.kind ?? 'IXFR';
  const inbound = new InboundTransfer({
    zone,
    id: ID,
    kind,
    ...(kind === 'IXFR' ? { haveSerial: 1 } : {}),
    ...options,
  });
  try {
    for (const each of messages) inbound.message(each);
    inbound.end();
    return 'none';
  } catch (error) {
    if (error instanceof TransferError) return error.fault;
    throw error;
  }
}

/** Cuts the records into messages after each of the places given. */
function cut(records: string[], places: number[], kind: 'AXFR' | 'IXFR' = 'IXFR'): Message[] {
  const edges = [0, ...[...new Set(places)].filter((p) => p > 0 && p < records.length).sort((a, b) => a - b)];
  return edges.map((edge, index) =>
    message(records.slice(edge, edges[index + 1]), { kind, ...(index === 0 ? {} : { question: false }) }),
  );
}

describe('the example of RFC 1995, 7', () => {
  const version1 = [ns, nsAddress, nezu].map((each) => record(each));
  const version3 = full.slice(1, -1).map((each) => recordKey(record(each)));

  it('as a whole zone, asked for by AXFR and by IXFR', () => {
    for (const kind of ['AXFR', 'IXFR'] as const) {
      const result = receive([message(full, { kind })], { kind });
      expect(result.kind).toBe('axfr');
      expect(soaSerial(result.soa.rdata)).toBe(3);
      expect(result.kind === 'axfr' && result.records.map(text)).toEqual(full.slice(1, -1));
    }
  });

  it('as an incremental reply', () => {
    const result = receive([message(incremental)]);
    if (result.kind !== 'ixfr') throw new Error(`a reply of the kind ${result.kind}`);
    expect(result.steps.map(({ from, to }) => [soaSerial(from.rdata), soaSerial(to.rdata)])).toEqual([
      [1, 2],
      [2, 3],
    ]);
    expect(result.steps.map(({ deleted, added }) => [deleted.map(text), added.map(text)])).toEqual([
      [[nezu], [bb4, bb2]],
      [[bb4], [bb3]],
    ]);
    expect(applySteps(version1, result.steps).map(recordKey).sort()).toEqual(version3.sort());
  });

  it('as a condensed incremental reply', () => {
    const result = receive([message([soa(3), soa(1), nezu, soa(3), bb3, bb2, soa(3)])]);
    if (result.kind !== 'ixfr') throw new Error(`a reply of the kind ${result.kind}`);
    expect(result.steps).toHaveLength(1);
    expect(applySteps(version1, result.steps).map(recordKey).sort()).toEqual(version3.sort());
  });

  it('as the reply over UDP where that does not fit', () => {
    expect(receive([message([soa(3)])], { udp: true }).kind).toBe('retry-over-tcp');
  });

  it('is the same however it is cut into messages', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12)), fc.boolean(), (places, isFull) => {
        const records = isFull ? full : incremental;
        expect(receive(cut(records, places))).toEqual(receive([message(records)]));
      }),
    );
    expect(receive(cut(full, [1, 2, 3, 4, 5], 'AXFR'), { kind: 'AXFR' })).toMatchObject({ kind: 'axfr' });
  });
});

describe('a SOA alone', () => {
  it.each([
    [1, 'up-to-date'],
    [0, 'up-to-date'],
    [4_294_967_295, 'up-to-date'],
  ])('RFC 1995, 2: serial %i for a client at 1 is %s', (serial, kind) => {
    expect(receive([message([soa(serial)])]).kind).toBe(kind);
    expect(receive([message([soa(serial)])], { udp: true }).kind).toBe(kind);
  });

  it('with a newer or incomparable serial is the beginning of more over TCP', () => {
    expect(faultOf([message([soa(3)])])).toBe('ended early');
    expect(faultOf([message([soa(0x80000001)])])).toBe('ended early');
    expect(faultOf([message([soa(3)], { kind: 'AXFR' })], { kind: 'AXFR' })).toBe('ended early');
  });
});

describe('what is legal although rare', () => {
  it('a change of the SOA alone', () => {
    const result = receive([message([soa(2), soa(1), soa(2), soa(2)])]);
    expect(result).toMatchObject({ kind: 'ixfr', steps: [{ deleted: [], added: [] }] });
  });

  it('a step over the end of the ring (RFC 1982, 3.2)', () => {
    const last = 4_294_967_295;
    const result = receive([message([soa(1), soa(last), nezu, soa(1), bb4, soa(1)])], { haveSerial: last });
    expect(result.kind).toBe('ixfr');
  });

  it('names in another case in question, owners and the last SOA', () => {
    const records = full.map((each, index) => (index === 5 ? each.replace('NS.JAIN', 'ns.jain') : each));
    expect(
      receive([message(records, { question: questionOf(parseName('Jain.AD.jp.'), TYPE.IXFR) })]).kind,
    ).toBe('axfr');
  });

  it('a question in every message (RFC 5936, 2.2.2)', () => {
    expect(receive([message(full.slice(0, 3)), message(full.slice(3))]).kind).toBe('axfr');
  });

  it('a zone of nothing but its SOA', () => {
    expect(receive([message([soa(3), soa(3)], { kind: 'AXFR' })], { kind: 'AXFR' })).toMatchObject({
      records: [],
    });
  });
});

describe('each way to be wrong has its fault', () => {
  const cases: [TransferFault, Message[], Partial<InboundOptions>?][] = [
    ['wrong id', [message(full, { id: 1 })]],
    ['wrong id', [message(full.slice(0, 2)), message(full.slice(2), { id: 1 })]],
    ['not a reply', [message(full, { flags: { qr: false } })]],
    ['wrong opcode', [message(full, { flags: { opcode: 4 } })]],
    ['truncated', [message(full, { flags: { tc: true } })]],
    ['refused', [message([], { flags: { rcode: 5 } })]],
    ['refused', [message(full.slice(0, 2)), message([], { flags: { rcode: 2 } })]],
    ['not authoritative', [message(full, { flags: { aa: false } })]],
    ['no question', [message(full, { question: false })]],
    ['wrong question', [message(full, { kind: 'AXFR' })]],
    ['wrong question', [message(full, { question: questionOf(parseName('ad.jp.'), TYPE.IXFR) })]],
    ['wrong question', [message(full.slice(0, 2)), message(full.slice(2), { kind: 'AXFR' })]],
    ['authority not empty', [message(full, { authority: ns })]],
    ['empty message', [message([])]],
    ['empty message', [message(full.slice(0, 2)), message([])]],
    ['wrong class', [message([soa(3), record(ns, { class: 3 }), soa(3)])]],
    ['meta type', [message([soa(3), record(ns, { type: TYPE.ANY }), soa(3)])]],
    ['outside the zone', [message([soa(3), ns, 'ad.jp. A 192.0.2.1', soa(3)])]],
    ['outside the zone', [message([soa(3).replace('JAIN.AD.JP. SOA', 'ad.jp. SOA'), ns])]],
    ['outside the zone', [message([soa(3), ns, 'xjain.ad.jp. A 192.0.2.1', soa(3)])]],
    ['no first SOA', [message([ns, nsAddress])]],
    ['SOA below the apex', [message([soa(3), ns, soa(3).replace('JAIN', 'a.JAIN')])]],
    ['last SOA differs', [message([soa(3), ns, soa(4)])]],
    ['last SOA differs', [message([soa(3), ns, soa(3, '600 600 3600000 1')])]],
    ['last SOA differs', [message([soa(3), ns, record(soa(3), { ttl: 1 })])]],
    ['last SOA differs', [message([...incremental.slice(0, -1), soa(3, '600 600 3600000 1')])]],
    ['last SOA differs', [message([soa(3), soa(1), nezu, soa(3, '1 2 3 4'), bb3, soa(3)])]],
    ['last SOA differs', [message([soa(3), soa(1), nezu, soa(3), bb3, soa(4)])]],
    ['records after the end', [message([...full, bb4])]],
    ['records after the end', [message([...incremental, bb4])]],
    ['message after the end', [message(full), message([bb4], { question: false })]],
    ['message after the end', [message([soa(1)]), message([soa(1)])]],
    ['wrong start of the history', [message([soa(3), soa(2), bb4, soa(3), bb3, soa(3)])]],
    ['wrong start of the history', [message([soa(3), soa(3)])]],
    ['gap in the history', [message([soa(4), soa(1), nezu, soa(2), bb4, soa(3), bb4, soa(4), soa(4)])]],
    ['gap in the history', [message([soa(3), soa(1), soa(2), soa(2, '1 2 3 4'), soa(3), soa(3)])]],
    ['gap in the history', [message([soa(3), soa(1), nezu, soa(2), bb4, soa(3)])]],
    ['history without progress', [message([soa(3), soa(1), nezu, soa(1), bb4, soa(3)])]],
    ['history without progress', [message([soa(3), soa(1), nezu, soa(0), bb4, soa(3)])]],
    ['history without progress', [message([soa(3), soa(1), nezu, soa(0x80000001), bb4, soa(3)])]],
    ['ended early', [message(full.slice(0, -1))]],
    ['ended early', [message(incremental.slice(0, -1))]],
    ['ended early', [message([soa(3), ns])], { udp: true }],
    ['ended early', []],
    ['over the limit', [message(full)], { maxRecords: 5 }],
  ];

  it.each(cases)('%s (case %#)', (fault, messages, options) => {
    expect(faultOf(messages, options)).toBe(fault);
  });

  it('a refusal carries the code of the primary', () => {
    const inbound = new InboundTransfer({ zone, id: ID, kind: 'AXFR' });
    expect(() => inbound.message(message([], { kind: 'AXFR', flags: { rcode: 5 } }))).toThrow(
      expect.objectContaining({ rcode: 5, message: 'the primary answered REFUSED' }),
    );
  });

  it('a limit that is just kept is none', () => {
    expect(faultOf([message(full)], { maxRecords: 6 })).toBe('none');
  });

  it('a whole zone is no history, and needs no serial', () => {
    expect(() => new InboundTransfer({ zone, id: ID, kind: 'AXFR', haveSerial: 1 })).toThrow(TypeError);
    expect(() => new InboundTransfer({ zone, id: ID, kind: 'IXFR' })).toThrow(TypeError);
  });
});

describe('a history on top of a zone', () => {
  const steps = (result: InboundResult) => (result.kind === 'ixfr' ? result.steps : []);
  const zoneOf = (...texts: string[]) => texts.map((each) => record(each));
  const history = steps(receive([message([soa(2), soa(1), nezu, soa(2), bb4, soa(2)])]));

  it('is exact: what is deleted was there, what is added was not', () => {
    expect(applySteps(zoneOf(ns, nezu), history).map(text)).toEqual([ns, bb4]);
    expect(() => applySteps(zoneOf(ns), history)).toThrow(
      'to be deleted but not there: NEZU.JAIN.AD.JP. 3600 A',
    );
    expect(() => applySteps([record(nezu, { ttl: 1 })], history)).toThrow('to be deleted but not there');
    expect(() => applySteps(zoneOf(nezu, bb4), history)).toThrow('to be added but there already');
  });

  it('knows a record in any case, and takes a TTL changed by deleting and adding', () => {
    expect(applySteps([record('nezu.jain.ad.jp. A 133.69.136.5')], history).map(text)).toEqual([bb4]);
    const changed = record(bb4, { ttl: 60 });
    const again = steps(receive([message([soa(2), soa(1), bb4, soa(2), changed, soa(2)])]));
    expect(applySteps(zoneOf(bb4), again)).toEqual([changed]);
  });
});
