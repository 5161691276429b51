import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { absoluteName } from '../../src/dns/name.ts';
import { Condenser } from '../../src/zone/condense.ts';
import { type JournalStep, packRecords, unpackRecords } from '../../src/zone/version.ts';

const soaOf = (serial: number) => Buffer.from(`soa ${serial}`);

/** A set of records by their octets. */
class Content {
  readonly keys = new Set<string>();

  apply(step: JournalStep): this {
    for (const key of keysOf(step.deleted)) {
      if (!this.keys.delete(key)) throw new Error('what is to be deleted is not there');
    }
    for (const key of keysOf(step.added)) {
      if (this.keys.has(key)) throw new Error('what is to be added is there already');
      this.keys.add(key);
    }
    return this;
  }
}

function keysOf(packed: Buffer): string[] {
  return unpackRecords(packed).map((record) => packRecords([record]).toString('hex'));
}

function stepOf(serial: number, deleted: Buffer[], added: Buffer[]): JournalStep {
  return {
    fromSerial: serial,
    toSerial: serial + 1,
    oldSoa: soaOf(serial),
    oldSoaTtl: serial,
    newSoa: soaOf(serial + 1),
    newSoaTtl: serial + 1,
    deleted: Buffer.concat(deleted),
    added: Buffer.concat(added),
  };
}

function condense(steps: JournalStep[]): JournalStep {
  const condenser = new Condenser();
  for (const step of steps) condenser.add(step);
  return condenser.finish();
}

const record = (name: string, ttl: number, value: number) =>
  packRecords([{ name: absoluteName(name), type: 1, ttl, rdata: Buffer.from([192, 0, 2, value]) }]);

describe('a condensed history (RFC 1995, 5)', () => {
  // names that differ by case alone, TTLs and values, few of each, so that records come and go again
  const some = fc
    .tuple(fc.constantFrom('a.test.', 'A.test.', 'b.test.'), fc.constantFrom(60, 300), fc.nat(2))
    .map(([name, ttl, value]) => record(name, ttl, value).toString('hex'));

  it('does what the steps do one after the other, and is never larger', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(some, { maxLength: 12 }),
        fc.array(fc.uniqueArray(some, { maxLength: 6 }), { minLength: 1, maxLength: 10 }),
        (base, toggled) => {
          const start = new Content();
          for (const key of base) start.keys.add(key);
          const content = new Content();
          for (const key of base) content.keys.add(key);
          const steps = toggled.map((keys, index) => {
            const there = keys.filter((key) => content.keys.has(key));
            const missing = keys.filter((key) => !content.keys.has(key));
            const octets = (list: string[]) => list.map((key) => Buffer.from(key, 'hex'));
            const step = stepOf(index, octets(there), octets(missing));
            content.apply(step);
            return step;
          });
          const condensed = condense(steps);
          expect(start.apply(condensed).keys).toEqual(content.keys);
          const size = (list: JournalStep[]) =>
            list.reduce((sum, step) => sum + step.deleted.length + step.added.length, 0);
          expect(size([condensed])).toBeLessThanOrEqual(size(steps));
          expect(condensed).toMatchObject({
            fromSerial: 0,
            toSerial: steps.length,
            oldSoa: soaOf(0),
            oldSoaTtl: 0,
            newSoa: soaOf(steps.length),
            newSoaTtl: steps.length,
          });
        },
      ),
    );
  });

  it('keeps records apart that differ in TTL or case alone', () => {
    const [low, high] = [record('a.test.', 60, 1), record('a.test.', 300, 1)];
    const [lower, upper] = [record('b.test.', 60, 1), record('B.test.', 60, 1)];
    const condensed = condense([stepOf(1, [low], [high]), stepOf(2, [lower], [upper])]);
    expect(keysOf(condensed.deleted)).toEqual([low, lower].map((packed) => packed.toString('hex')));
    expect(keysOf(condensed.added)).toEqual([high, upper].map((packed) => packed.toString('hex')));
  });

  it('of what came and went is the SOAs alone', () => {
    const one = record('a.test.', 60, 1);
    const condensed = condense([stepOf(1, [], [one]), stepOf(2, [one], [])]);
    expect(condensed).toMatchObject({
      fromSerial: 1,
      toSerial: 3,
      deleted: Buffer.alloc(0),
      added: Buffer.alloc(0),
    });
  });
});
