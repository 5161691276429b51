import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applySteps, type InboundResult, recordKey } from '../../src/dns/inbound.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { soaSerial } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import { type MemoryZones, makeKey, parseLines } from '../support/memory-zones.ts';
import { axfr, ixfr } from '../support/transfer-client.ts';
import { type Running, SMALL_ZONE, startServer, until } from './harness.ts';

const ZONE = 'example.com.';

/** A zone large enough that one change is smaller, with three changes behind it: serials 10 to 13. */
function addChangedZone(zones: MemoryZones): void {
  zones.add(ZONE, [...SMALL_ZONE, ...hosts(20)], 10);
  zones.change(ZONE, { delete: ['@ 300 A 192.0.2.1'], add: ['@ 300 A 192.0.2.2', '@ 300 A 192.0.2.3'] });
  zones.change(ZONE, {});
  zones.change(ZONE, { delete: ['host1 300 A 10.0.0.1'] });
}

function hosts(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `host${n} 300 A 10.0.${n >> 8}.${n & 255}`);
}

async function startChanged(): Promise<Running> {
  const running = await startServer();
  running.registry.add('s1');
  addChangedZone(running.zones);
  return running;
}

describe('IXFR (RFC 1995)', () => {
  it('gives the change from the serial of the client, condensed to one step, in one message (5)', async () => {
    const { at, served, log } = await startChanged();
    const { result, messages } = await ixfr({ ...at, zone: ZONE, serial: 10 });
    if (result.kind !== 'ixfr') throw new Error(result.kind);
    const serials = result.steps.map((step) => [soaSerial(step.from.rdata), soaSerial(step.to.rdata)]);
    expect(serials).toEqual([[10, 13]]);
    expect(result.steps.map((step) => [step.deleted.length, step.added.length])).toEqual([[2, 2]]);
    expect(messages).toHaveLength(1);
    expect(messages[0]!.questions[0]!.type).toBe(TYPE.IXFR);
    expect(served[0]).toMatchObject({
      asked: 'IXFR',
      given: 'IXFR',
      fromSerial: 10,
      serial: 13,
      complete: true,
    });
    await until(() => log.find('IXFR ended') !== undefined);
    expect(log.find("transfer of 'example.com/IN': IXFR started (serial 10 -> 13)")).toBeDefined();
    expect(log.find('IXFR ended: 1 messages')).toBeDefined();
  });

  it('of a change to the SOA alone is four SOAs', async () => {
    const { at, zones } = await startChanged();
    zones.change(ZONE, {});
    const { messages } = await ixfr({ ...at, zone: ZONE, serial: 13 });
    const serials = messages[0]!.answers.map((record) => soaSerial(record.rdata));
    expect(serials).toEqual([14, 13, 14, 14]);
  });

  it('is the single SOA for a client that is up to date (2)', async () => {
    const { at, served, ahead, log } = await startChanged();
    expect((await ixfr({ ...at, zone: ZONE, serial: 13 })).result.kind).toBe('up-to-date');
    expect(served[0]).toMatchObject({ given: 'up-to-date', fromSerial: 13, serial: 13, records: 1 });
    expect(ahead).toEqual([]);
    await until(() => log.find('IXFR poll up-to-date') !== undefined);
  });

  it('is the single SOA for a client that is ahead, and says so where the client can be trusted', async () => {
    const { at, ahead, registry } = await startChanged();
    expect((await ixfr({ ...at, zone: ZONE, serial: 500 })).result.kind).toBe('up-to-date');
    expect(ahead).toEqual([{ zone: ZONE, secondaryId: 'id-s1', serial: 500 }]);
    // A datagram's address can be forged.
    expect((await ixfr({ ...at, zone: ZONE, serial: 600, transport: 'udp' })).result.kind).toBe('up-to-date');
    expect(ahead).toHaveLength(1);
    const key = makeKey('key.example.');
    registry.add('s2', { keys: [key] });
    await ixfr({ ...at, zone: ZONE, serial: 700, transport: 'udp', key });
    expect(ahead[1]).toEqual({ zone: ZONE, secondaryId: 'id-s2', serial: 700 });
  });

  it('is the whole zone where the history is gone, under the question that was asked (4)', async () => {
    const { at, zones, log } = await startChanged();
    zones.prune(ZONE, 1);
    const { result, messages } = await ixfr({ ...at, zone: ZONE, serial: 10 });
    expect(result.kind).toBe('axfr');
    expect(messages[0]!.questions[0]!.type).toBe(TYPE.IXFR);
    expect(messages[0]!.answers[1]!.type).not.toBe(TYPE.SOA);
    await until(() => log.find('AXFR-style IXFR started') !== undefined);
    expect(log.find('AXFR-style IXFR started')?.message).toContain('not in journal, falling back to AXFR');
    expect((await ixfr({ ...at, zone: ZONE, serial: 12 })).result.kind).toBe('ixfr');
  });

  it('is the whole zone where the journal can not be read: never an error', async () => {
    const { at, zones } = await startChanged();
    zones.beforeHistory = () => {
      throw new Error('the database went away');
    };
    expect((await ixfr({ ...at, zone: ZONE, serial: 10 })).result.kind).toBe('axfr');
  });

  it('is the steps where the zone can not be read to compare: never an error', async () => {
    const { at, zones } = await startChanged();
    zones.beforeBatch = () => {
      throw new Error('the database went away');
    };
    expect((await ixfr({ ...at, zone: ZONE, serial: 10 })).result.kind).toBe('ixfr');
  });

  it('is the whole zone where the steps are larger than it, whether or not it was rendered before', async () => {
    const { at, zones, registry } = await startServer();
    registry.add('s1');
    zones.add(ZONE, SMALL_ZONE, 1);
    zones.change(ZONE, { add: hosts(100) });
    zones.change(ZONE, { delete: hosts(100) });
    expect((await ixfr({ ...at, zone: ZONE, serial: 2 })).result.kind).toBe('axfr');
    expect((await ixfr({ ...at, zone: ZONE, serial: 2 })).result.kind).toBe('axfr');
    // One record of a small zone is smaller than it, and what came and went is nothing at all.
    zones.change(ZONE, { delete: ['@ 300 A 192.0.2.1'], add: ['@ 300 A 192.0.2.2'] });
    expect((await ixfr({ ...at, zone: ZONE, serial: 3 })).result.kind).toBe('ixfr');
    expect((await ixfr({ ...at, zone: ZONE, serial: 1 })).result.kind).toBe('ixfr');
  });

  it('does not render a large zone for a small change', async () => {
    const { at, zones, registry } = await startServer();
    registry.add('s1');
    zones.batch = 1000;
    zones.add(ZONE, hosts(20_000), 1);
    let batches = 0;
    zones.beforeBatch = () => {
      batches++;
    };
    for (let n = 0; n < 3; n++) {
      zones.change(ZONE, { delete: [hosts(20_000)[n]!], add: [] });
      expect((await ixfr({ ...at, zone: ZONE, serial: n + 1 })).result.kind).toBe('ixfr');
    }
    // Some of the zone was read once, to know that it is large.
    expect(zones.opened).toBe(1);
    expect(batches).toBeLessThan(5);
  });

  it('is the whole zone where the serials can not be compared (RFC 1982, 3.2)', async () => {
    const { at, ahead } = await startChanged();
    expect((await ixfr({ ...at, zone: ZONE, serial: 13 + 0x80000000 })).result.kind).toBe('axfr');
    expect(ahead).toEqual([]);
  });

  it('goes across the end of the serials (RFC 1982, 3.1)', async () => {
    const { at, zones, registry } = await startServer();
    registry.add('s1');
    zones.add(ZONE, [...SMALL_ZONE, ...hosts(20)], 0xffffffff);
    zones.change(ZONE, { delete: ['host3 300 A 10.0.0.3'] });
    const { result } = await ixfr({ ...at, zone: ZONE, serial: 0xffffffff });
    expect(result.kind).toBe('ixfr');
    expect(soaSerial(result.soa.rdata)).toBe(1);
  });

  it('over UDP is whole where it fits, else the single SOA (2)', async () => {
    const { at, zones } = await startChanged();
    const fits = await ixfr({ ...at, zone: ZONE, serial: 12, transport: 'udp' });
    expect(fits.result.kind).toBe('ixfr');
    zones.change(ZONE, { add: Array.from({ length: 20 }, (_, n) => `new${n} 300 A 192.0.2.9`) });
    const edns = { udpSize: 1232 };
    expect((await ixfr({ ...at, zone: ZONE, serial: 13, transport: 'udp', edns })).result.kind).toBe('ixfr');
    const plain = await ixfr({ ...at, zone: ZONE, serial: 13, transport: 'udp' });
    expect(plain.result.kind).toBe('retry-over-tcp');
    expect(plain.messages[0]!.tc).toBe(false);
    zones.prune(ZONE, 0);
    expect((await ixfr({ ...at, zone: ZONE, serial: 11, transport: 'udp', edns })).result.kind).toBe(
      'retry-over-tcp',
    );
  });

  it('never has one record a message, also where it takes many', async () => {
    const { at, zones, registry } = await startServer();
    const key = makeKey('key.example.');
    registry.add('s1', { keys: [key] });
    zones.batch = 1000;
    zones.add(ZONE, hosts(10_000), 1);
    zones.change(ZONE, { delete: hosts(4000) });
    const { result, messages } = await ixfr({ ...at, zone: ZONE, serial: 1, key });
    expect(result.kind).toBe('ixfr');
    expect(messages.length).toBeGreaterThan(3);
    for (const message of messages.slice(0, -1)) expect(message.answers.length).toBeGreaterThan(100);
    for (const message of messages) expect(message.tsig).toBeDefined();
  });
});

describe('the rule of IXFR: from every kept serial it leads to what AXFR gives', () => {
  // Records by number, so that deletes often meet what was added.
  const line = fc
    .record({ host: fc.nat(12), type: fc.constantFrom('A', 'TXT', 'MX'), value: fc.nat(3) })
    .map(({ host, type, value }) => {
      const owner = host === 0 ? '@' : host % 3 === 0 ? `Case${host}` : `h${host}`;
      const rdata = { A: `192.0.2.${value}`, TXT: `"text ${value}"`, MX: `${value} mail.example.com.` }[
        type
      ]!;
      return `${owner} 300 ${type} ${rdata}`;
    });

  it('holds for any history', async () => {
    const { at, zones, registry } = await startServer();
    registry.add('s1');
    let number = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(line, { maxLength: 6 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 0xffffffff }),
        async (changes, firstSerial) => {
          const zone = `z${number++}.example.com.`;
          const origin = absoluteName(zone);
          const base = ['@ 300 NS ns1.example.net.', ...hosts(30)];
          zones.add(zone, base, firstSerial);
          const versions = [{ serial: firstSerial, records: zones.records(zone) }];
          for (const toggled of changes) {
            const there = new Set(zones.records(zone).map(recordKey));
            const records = new Map(parseLines(origin, toggled).map((record) => [recordKey(record), record]));
            const deleted = [...records].filter(([key]) => there.has(key)).map(([, record]) => record);
            const added = [...records].filter(([key]) => !there.has(key)).map(([, record]) => record);
            const { serial } = zones.changeRecords(zone, deleted, added);
            versions.push({ serial, records: zones.records(zone) });
          }
          const whole = keysOf((await axfr({ ...at, zone })).result, []);
          for (const version of versions) {
            const { result } = await ixfr({ ...at, zone, serial: version.serial });
            expect(keysOf(result, version.records)).toEqual(whole);
          }
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  function keysOf(
    result: InboundResult,
    before: readonly { name: Buffer; type: number; ttl: number; rdata: Buffer }[],
  ): Set<string> {
    const start = before.map((record) => ({ ...record, class: 1 }));
    const records =
      result.kind === 'axfr'
        ? result.records
        : result.kind === 'ixfr'
          ? applySteps(start, result.steps)
          : start;
    return new Set(records.map((record) => `${record.ttl} ${recordKey(record)}`));
  }
});
