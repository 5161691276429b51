import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addSerial, compareSerial, isNewer, nextSerial } from '../../src/dns/serial.ts';

describe('serials on their ring (RFC 1982)', () => {
  it.each([
    [0, 0, 'equal'],
    [1, 0, 'newer'],
    [0, 1, 'older'],
    [0x7fffffff, 0, 'newer'],
    [0x80000000, 0, 'incomparable'],
    [0, 0x80000000, 'incomparable'],
    [0x80000001, 0, 'older'],
    [0, 0xffffffff, 'newer'],
    [0xffffffff, 0, 'older'],
    [2147484802, 1155, 'newer'],
    [10, 2147484802, 'newer'],
  ] as const)('3.2: %i stands to %i as %s', (a, b, order) => {
    expect(compareSerial(a, b)).toBe(order);
    expect(isNewer(a, b)).toBe(order === 'newer');
  });

  it('3.1: an addition wraps, and goes no farther than half the ring', () => {
    expect(addSerial(0xffffffff, 1)).toBe(0);
    expect(addSerial(0xffffffff, 0x7fffffff)).toBe(0x7ffffffe);
    expect(() => addSerial(1, 0x80000000)).toThrow('0 to 2147483647 is expected');
    expect(() => addSerial(1, -1)).toThrow(RangeError);
  });

  it('skips 0 as the next serial', () => {
    expect(nextSerial(0xffffffff)).toBe(1);
    expect(nextSerial(0)).toBe(1);
    expect(nextSerial(2024010100)).toBe(2024010101);
  });

  it('is newer after every addition, wherever it starts', () => {
    const serial = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(serial, fc.integer({ min: 1, max: 0x7fffffff }), (start, step) => {
        expect(isNewer(addSerial(start, step), start)).toBe(true);
        expect(compareSerial(start, addSerial(start, step))).toBe('older');
      }),
    );
  });
});
