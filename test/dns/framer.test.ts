import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/dns/format-error.ts';
import { FrameReader, frame } from '../../src/dns/framer.ts';

const messages = fc.array(
  fc.uint8Array({ minLength: 12, maxLength: 400 }).map((octets) => Buffer.from(octets)),
  { maxLength: 8 },
);

describe('TCP frames (RFC 1035, 4.2.2; RFC 7766, 8)', () => {
  it('gives the same messages however the stream is cut', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat(), { maxLength: 30 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(frame));
        const places = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
        const reader = new FrameReader();
        const read: Buffer[] = [];
        let start = 0;
        for (const place of [...places, stream.length]) {
          read.push(...reader.push(stream.subarray(start, place)));
          start = place;
        }
        expect(read).toEqual(sent);
        expect(reader.midFrame).toBe(false);
      }),
    );
  });

  it('gives the same messages octet by octet', () => {
    fc.assert(
      fc.property(messages, (sent) => {
        const reader = new FrameReader();
        const read = [...Buffer.concat(sent.map(frame))].flatMap((octet) =>
          reader.push(Buffer.from([octet])),
        );
        expect(read).toEqual(sent);
      }),
      { numRuns: 30 },
    );
  });

  it('takes the longest message, octet by octet, without a copy for each', () => {
    const longest = Buffer.alloc(65_535, 7);
    const reader = new FrameReader();
    const read = [...frame(longest)].flatMap((octet) => reader.push(Buffer.from([octet])));
    expect(read).toHaveLength(1);
    expect(read[0]!.equals(longest)).toBe(true);
  });

  it('keeps what it gave although the next message follows', () => {
    const reader = new FrameReader();
    const first = frame(Buffer.alloc(20, 1));
    reader.push(first.subarray(0, 5));
    const [message] = reader.push(first.subarray(5));
    reader.push(frame(Buffer.alloc(20, 2)).subarray(0, 21));
    expect(message).toEqual(Buffer.alloc(20, 1));
  });

  it('knows whether the stream stands in the middle of a message', () => {
    const reader = new FrameReader();
    expect(reader.midFrame).toBe(false);
    for (const octet of [0, 12, ...Buffer.alloc(11)]) {
      expect(reader.push(Buffer.from([octet]))).toEqual([]);
      expect(reader.midFrame).toBe(true);
    }
    expect(reader.push(Buffer.alloc(1))).toHaveLength(1);
    expect(reader.midFrame).toBe(false);
  });

  it.each([0, 1, 11])('refuses the length %i, at once and for good', (length) => {
    const prefix = Buffer.from([0, length]);
    expect(() => new FrameReader().push(prefix)).toThrow(FormatError);
    const slow = new FrameReader();
    slow.push(prefix.subarray(0, 1));
    expect(() => slow.push(prefix.subarray(1))).toThrow(`announces ${length} octets`);
    expect(() => slow.push(frame(Buffer.alloc(12)))).toThrow(FormatError);
  });

  it('refuses to frame what does not fit the prefix', () => {
    expect(() => frame(Buffer.alloc(65_536))).toThrow(RangeError);
    expect(frame(Buffer.alloc(65_535)).readUInt16BE(0)).toBe(65_535);
  });
});
