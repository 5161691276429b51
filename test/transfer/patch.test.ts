import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { encodeSoa } from '../../src/dns/rdata/index.ts';
import { CLASS_IN, TYPE } from '../../src/dns/types.ts';
import type { Chunk } from '../../src/transfer/chunk.ts';
import { VersionPacker } from '../../src/transfer/packer.ts';
import { patchChunks } from '../../src/transfer/patch.ts';
import {
  type JournalStep,
  type PublishedZone,
  packRecords,
  type StoredRecord,
  unpackRecords,
} from '../../src/zone/version.ts';

const ZONE = absoluteName('example.com.');

function zoneAt(serial: number): PublishedZone {
  const soa = encodeSoa({
    mname: absoluteName('ns1.example.net.'),
    rname: absoluteName('hostmaster.example.com.'),
    serial,
    refresh: 1,
    retry: 2,
    expire: 3,
    minimum: 4,
  });
  return {
    zoneId: '1',
    name: 'example.com.',
    nameWire: ZONE,
    serial,
    soa,
    soaTtl: 3600,
    expire: 3,
    change: undefined,
  };
}

/** A zone in memory that changes step by step. */
class Changing {
  serial = 1;
  readonly records = new Map<string, StoredRecord>();
  /** Where only some of a few records of a kind are there. */
  toggle(list: readonly StoredRecord[]): JournalStep {
    const once = new Map(list.map((record) => [packRecords([record]).toString('hex'), record]));
    const deleted = [...once].filter(([key]) => this.records.has(key));
    const added = [...once].filter(([key]) => !this.records.has(key));
    for (const [key] of deleted) this.records.delete(key);
    for (const [key, record] of added) this.records.set(key, record);
    const [before, after] = [zoneAt(this.serial), zoneAt(this.serial + 1)];
    this.serial++;
    return {
      fromSerial: before.serial,
      toSerial: after.serial,
      oldSoa: before.soa,
      oldSoaTtl: before.soaTtl,
      newSoa: after.soa,
      newSoaTtl: after.soaTtl,
      deleted: packRecords(deleted.map(([, record]) => record)),
      added: packRecords(added.map(([, record]) => record)),
    };
  }

  rendered(): Chunk[] {
    const chunks: Chunk[] = [];
    const packer = new VersionPacker(zoneAt(this.serial), (chunk) => chunks.push(chunk));
    const owner = (record: StoredRecord) => record.name.toString('latin1').toLowerCase();
    const sorted = [...this.records.values()].sort((a, b) => (owner(a) < owner(b) ? -1 : 1));
    packer.add(packRecords(sorted));
    packer.end();
    return chunks;
  }
}

/** The records of a version as a client reads them; each message is whole, well-formed and short enough. */
function read(chunks: readonly Chunk[]): { soas: number[]; records: Set<string>; messages: number } {
  const soas: number[] = [];
  const records = new Set<string>();
  const messages = chunks.flatMap((chunk) => chunk.messages);
  messages.forEach(({ body, answers }, index) => {
    const header = Buffer.alloc(12);
    header.writeUInt16BE(0x8400, 2);
    header.writeUInt16BE(answers, 6);
    const question =
      index === 0 ? Buffer.concat([ZONE, Buffer.from([0, TYPE.AXFR, 0, CLASS_IN])]) : Buffer.alloc(0);
    if (index === 0) header.writeUInt16BE(1, 4);
    const bytes = Buffer.concat([header, question, body]);
    expect(bytes.length).toBeLessThanOrEqual(16_384 - 512 + 12);
    for (const { name, type, ttl, rdata } of readMessage(bytes).answers) {
      if (type === TYPE.SOA) soas.push(rdata.readUInt32BE(rdata.length - 20));
      else records.add(packRecords([{ name, type, ttl, rdata }]).toString('hex'));
    }
  });
  return { soas, records, messages: messages.length };
}

function host(number: number, value: number, type: number = TYPE.A): StoredRecord {
  const label = `h${String(number).padStart(5, '0')}`;
  const name = absoluteName(`${number % 7 === 0 ? label.toUpperCase() : label}.${number % 3}.example.com.`);
  if (type === TYPE.MX) {
    return {
      name,
      type,
      ttl: 300,
      rdata: Buffer.concat([Buffer.from([0, value]), absoluteName(`mx${value}.Example.com.`)]),
    };
  }
  if (type === TYPE.TXT)
    return { name, type, ttl: 60, rdata: Buffer.concat([Buffer.from([200]), Buffer.alloc(200, value)]) };
  return { name, type, ttl: 300, rdata: Buffer.from([192, 0, 2, value]) };
}

const records = (count: number, first = 0) =>
  Array.from({ length: count }, (_, n) => host(first + n, n & 255));

describe('a version made from the one before it', () => {
  const change = fc.oneof(
    // a few records of any kind anywhere
    fc.array(
      fc
        .tuple(fc.nat(1500), fc.nat(2), fc.constantFrom(TYPE.A, TYPE.MX, TYPE.TXT))
        .map(([n, value, type]) => host(n, value, type)),
      { maxLength: 5 },
    ),
    // many that stand side by side, to split chunks and to join them
    fc.tuple(fc.nat(1500), fc.integer({ min: 1, max: 700 })).map(([first, count]) => records(count, first)),
    // one owner that needs more than a message
    fc.nat(20).map((n) => Array.from({ length: 120 }, (_, value) => host(n, value, TYPE.TXT))),
  );

  it('has the same records as one rendered from scratch, in messages that can be read', async () => {
    let patched = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 10, 600, 3000),
        fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 }),
        async (size, versions) => {
          const zone = new Changing();
          zone.toggle(records(size));
          let chunks = zone.rendered();
          for (const changes of versions) {
            const steps = changes.map((list) => zone.toggle(list));
            const next = await patchChunks(chunks, zoneAt(zone.serial), steps);
            if (next === undefined) throw new Error('the change fits, and was not made');
            patched++;
            const [got, wanted] = [read(next), read(zone.rendered())];
            expect(got.records).toEqual(wanted.records);
            expect(got.soas).toEqual([zone.serial, zone.serial]);
            expect(got.messages).toBeLessThanOrEqual(4 * wanted.messages + 2);
            expect(next.reduce((sum, chunk) => sum + chunk.contentBytes, 0)).toBe(
              packRecords([...zone.records.values()]).length,
            );
            for (const [index, chunk] of next.slice(1, -1).entries()) {
              expect(chunk.firstOwner > next[index]!.firstOwner).toBe(true);
            }
            chunks = next;
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(patched).toBeGreaterThan(100);
  }, 120_000);

  it('shares all chunks that the change does not touch', async () => {
    const zone = new Changing();
    zone.toggle(records(20_000));
    const before = zone.rendered();
    const step = zone.toggle([host(9000, 9000 & 255), host(9000, 7)]);
    const after = await patchChunks(before, zoneAt(zone.serial), [step]);
    const shared = after!.filter((chunk) => before.includes(chunk));
    // The first has the opening SOA, the last the closing one.
    expect(shared).toHaveLength(before.length - 3);
    expect(read(after!).records).toEqual(read(zone.rendered()).records);
  });

  it('shares a message that became too large out evenly, and joins those that became small', async () => {
    const zone = new Changing();
    zone.toggle(records(20_000));
    let chunks = zone.rendered();
    const before = chunks;
    const more = zone.toggle([host(9000, 200, TYPE.TXT), host(9000, 201, TYPE.TXT)]);
    chunks = (await patchChunks(chunks, zoneAt(zone.serial), [more]))!;
    expect(chunks.length).toBe(before.length + 1);
    const halves = chunks.slice(1, -1).filter((chunk) => !before.includes(chunk));
    expect(halves.map(({ bytes }) => bytes > 4_000)).toEqual([true, true]);

    // of each thousand all but a few go, some thousands a change
    const all = records(20_000);
    for (let first = 0; first < all.length; first += 5_000) {
      const less = zone.toggle(all.slice(first, first + 5_000).filter((_, index) => index % 1_000 > 20));
      chunks = (await patchChunks(chunks, zoneAt(zone.serial), [less])) ?? zone.rendered();
    }
    expect(chunks.length).toBeLessThan(6);
    expect(read(chunks).records).toEqual(read(zone.rendered()).records);
  });

  it('takes a record that goes and comes back in one step as one that stays', async () => {
    const zone = new Changing();
    zone.toggle(records(600));
    const before = zone.rendered();
    const same = packRecords([host(5, 5)]);
    const step: JournalStep = { ...zone.toggle([]), deleted: same, added: same };
    const after = await patchChunks(before, zoneAt(zone.serial), [step]);
    expect(read(after!).records).toEqual(read(before).records);
  });

  it('is not made where the history is of something else, or touches too much', async () => {
    const zone = new Changing();
    zone.toggle(records(3000));
    const before = zone.rendered();
    const missing: JournalStep = { ...zone.toggle([]), deleted: packRecords([host(5, 99)]) };
    expect(await patchChunks(before, zoneAt(zone.serial), [missing])).toBeUndefined();
    const twice: JournalStep = { ...missing, deleted: Buffer.alloc(0), added: packRecords([host(5, 5)]) };
    expect(await patchChunks(before, zoneAt(zone.serial), [twice])).toBeUndefined();
    const otherCase = host(5, 5);
    otherCase.name.write('H', 1);
    const misspelt: JournalStep = { ...missing, deleted: packRecords([otherCase]) };
    expect(await patchChunks(before, zoneAt(zone.serial), [misspelt])).toBeUndefined();

    const large = new Changing();
    large.toggle(records(60_000));
    const chunks = large.rendered();
    const everywhere = Array.from({ length: 600 }, (_, n) => host(n * 100, 200, TYPE.TXT));
    const step = large.toggle(everywhere);
    expect(await patchChunks(chunks, zoneAt(large.serial), [step])).toBeUndefined();
  });

  it('holds no owner in two chunks, and each record once', () => {
    const zone = new Changing();
    zone.toggle(Array.from({ length: 400 }, (_, n) => [host(n, 1), host(n, 2), host(n, 3, TYPE.TXT)]).flat());
    const chunks = zone.rendered();
    const seen = new Set<string>();
    let count = 0;
    for (const chunk of chunks.slice(1, -1)) {
      const owners = new Set<string>();
      for (const message of chunk.messages) {
        const bytes = Buffer.concat([Buffer.alloc(12), message.body]);
        bytes.writeUInt16BE(message.answers, 6);
        for (const { name } of readMessage(bytes).answers) {
          owners.add(name.toString('latin1').toLowerCase());
          count++;
        }
      }
      for (const owner of owners) {
        expect(seen.has(owner)).toBe(false);
        seen.add(owner);
      }
    }
    expect(count).toBeLessThan(1200);
    expect(unpackRecords(packRecords([...zone.records.values()]))).toHaveLength(1200);
  });
});
