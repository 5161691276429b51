import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/dns/format-error.ts';
import {
  absoluteName,
  canonicalName,
  endOfName,
  equalNames,
  formatName,
  isBelow,
  labelCount,
  NameError,
  nameKey,
  parentName,
  parseName,
  ROOT,
  readName,
} from '../../src/dns/name.ts';

const label63 = 'x'.repeat(63);
const origin = parseName('Example.COM.');

describe('presentation to wire (RFC 1035, 5.1)', () => {
  it('keeps the case and writes the root byte', () => {
    expect(parseName('wWw.Example.')).toEqual(Buffer.from('\x03wWw\x07Example\0', 'latin1'));
    expect(parseName('.')).toEqual(Buffer.from([0]));
  });

  it('completes relative names with the origin, @ being the origin itself', () => {
    expect(formatName(parseName('www', origin))).toBe('www.Example.COM.');
    expect(formatName(parseName('@', origin))).toBe('Example.COM.');
    expect(formatName(parseName('www.', origin))).toBe('www.');
    expect(formatName(parseName('a\\.', origin))).toBe('a\\..Example.COM.');
  });

  it('wants a final dot where there is no origin, unless the place is for absolute names', () => {
    expect(() => parseName('www.example')).toThrow('name "www.example" has no final dot');
    expect(() => parseName('@')).toThrow('none is set');
    expect(formatName(absoluteName('www.example'))).toBe('www.example.');
    expect(formatName(absoluteName('www.example.'))).toBe('www.example.');
    expect(() => absoluteName('@')).toThrow(NameError);
  });

  it.each([
    ['\\065.', 'A.'],
    ['a\\.b.', 'a\\.b.'],
    ['a\\046b.', 'a\\.b.'],
    ['a\\ b.', 'a\\032b.'],
    ['\\000\\255.', '\\000\\255.'],
    ['a\\@b.', 'a\\@b.'],
    ['a@b.', 'a\\@b.'],
    ['\\"\\;\\(\\)\\$\\\\.', '\\"\\;\\(\\)\\$\\\\.'],
    ['*.a_b-c/d.', '*.a_b-c/d.'],
  ])('normalises the escapes of %s to %s', (text, normal) => {
    expect(formatName(parseName(text))).toBe(normal);
  });

  it('RFC 1035, 2.3.4: labels to 63 octets, names to 255', () => {
    const longest = `${label63}.${label63}.${label63}.${'y'.repeat(61)}.`;
    expect(parseName(`${label63}.`).length).toBe(65);
    expect(() => parseName(`${label63}x.`)).toThrow('a label over 63 octets');
    expect(() => parseName(`${label63}x`, origin)).toThrow('a label over 63 octets');
    expect(() => parseName('x'.repeat(5000))).toThrow('a label over 63 octets');
    expect(parseName(longest).length).toBe(255);
    expect(formatName(parseName(longest))).toBe(longest);
    expect(() => parseName(`y${longest.slice(0, -1)}y.`)).toThrow(NameError);
    expect(() => parseName(longest.replace('y.', 'yy.'))).toThrow('over 255 octets on the wire');
    expect(parseName('a.'.repeat(127)).length).toBe(255);
    expect(() => parseName('a.'.repeat(128))).toThrow('over 255 octets');
    expect(() => parseName(longest.slice(0, -1), origin)).toThrow('over 255 octets');
    expect(parseName(`\\255${'\\000'.repeat(62)}.`).length).toBe(65);
  });

  it.each([
    ['', 'empty name'],
    ['..', 'an empty label'],
    ['.a.', 'an empty label'],
    ['a..b.', 'an empty label'],
    ['a b.', 'a space: write it as \\032'],
    ['a(b.', "the character '(': write it as \\("],
    ['a\tb.', 'the control character 9: write it as \\009'],
    ['é.', 'internationalised names as xn--'],
    ['a\\', 'a backslash without a character'],
    ['a\\25.', 'three digits from \\000 to \\255 are expected'],
    ['a\\256.', 'the escape "\\256"'],
  ])('refuses %j', (text, message) => {
    expect(() => parseName(text)).toThrow(NameError);
    expect(() => parseName(text)).toThrow(message);
  });

  it('keeps the message to one short line whatever it is given', () => {
    const message = catchMessage(() => parseName('a\nb'.repeat(1000)));
    expect(message).not.toContain('\n');
    expect(message.length).toBeLessThan(250);
  });
});

describe('equality (RFC 4343)', () => {
  it('folds ASCII letters and nothing else', () => {
    expect(nameKey(parseName('WWW.ExAmple.'))).toBe('www.example.');
    expect(canonicalName(parseName('A.\\193.'))).toEqual(parseName('a.\\193.'));
    expect(equalNames(parseName('A.b.'), parseName('a.B.'))).toBe(true);
    expect(equalNames(parseName('a\\.b.'), parseName('a.b.'))).toBe(false);
    expect(equalNames(parseName('[.'), parseName('{.'))).toBe(false);
    expect(equalNames(parseName('\\193.'), parseName('\\225.'))).toBe(false);
  });

  it('knows what lies at or below a zone, on borders of labels only', () => {
    expect(isBelow(parseName('www.example.com.'), origin)).toBe(true);
    expect(isBelow(parseName('EXAMPLE.com.'), origin)).toBe(true);
    expect(isBelow(parseName('wwwexample.com.'), origin)).toBe(false);
    expect(isBelow(parseName('com.'), origin)).toBe(false);
    expect(isBelow(parseName('www\\.example.com.'), origin)).toBe(false);
    expect(isBelow(origin, ROOT)).toBe(true);
    // A label that holds the bytes of the zone's own wire form.
    expect(isBelow(parseName('\\007example\\003com\\000.'), origin)).toBe(false);
  });

  it('counts labels and gives the parent', () => {
    expect([labelCount(ROOT), labelCount(origin)]).toEqual([0, 2]);
    expect(formatName(parentName(origin))).toBe('COM.');
    expect(parentName(ROOT)).toEqual(ROOT);
  });

  it('formats and parses to the same bytes, for every name', () => {
    const labels = fc.array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 3 });
    fc.assert(
      fc.property(labels, (parts) => {
        const wire = Buffer.concat([...parts.flatMap((part) => [Buffer.from([part.length]), part]), ROOT]);
        expect(parseName(formatName(wire))).toEqual(wire);
        expect(nameKey(parseName(nameKey(wire)))).toBe(nameKey(wire));
        expect(endOfName(wire, 0)).toBe(wire.length);
        expect(readName(wire, 0)).toEqual({ name: wire, next: wire.length });
      }),
    );
  });
});

describe('names in messages (RFC 1035, 4.1.4)', () => {
  const isi = Buffer.from('\x01F\x03ISI\x04ARPA\0\x03FOO\xc0\0\xc0\x0b\xc0\x06\0', 'latin1');

  it('follows pointers and tells where the name ended', () => {
    expect(readName(isi, 0)).toEqual({ name: parseName('F.ISI.ARPA.'), next: 12 });
    expect(readName(isi, 12)).toEqual({ name: parseName('FOO.F.ISI.ARPA.'), next: 18 });
    expect(readName(isi, 20)).toEqual({ name: parseName('ARPA.'), next: 22 });
    expect(readName(isi, 18)).toEqual({ name: ROOT, next: 20 });
  });

  it.each([
    ['a pointer to itself', [0xc0, 0], 0, 'does not point backwards'],
    ['a pointer forwards', [0xc0, 2, 0], 0, 'does not point backwards'],
    ['a pointer into its own name', [1, 0x61, 0xc0, 0], 0, 'does not point backwards'],
    ['two pointers in a loop', [1, 0x61, 0xc0, 4, 0xc0, 0], 4, 'does not point backwards'],
    ['a pointer cut short', [0xc0], 0, 'is cut short'],
    ['a label past the end', [5, 0x61, 0x62], 0, 'past the end'],
    ['no root byte', [1, 0x61], 0, 'past the end'],
    ['nothing at all', [], 0, 'past the end'],
    ['an extended label', [0x41, 0x61, 0], 0, 'the unknown type 0x40'],
    ['a reserved label type', [0x80, 0], 0, 'the unknown type 0x80'],
  ])('refuses %s', (_, bytes, offset, message) => {
    expect(() => readName(Buffer.from(bytes), offset)).toThrow(FormatError);
    expect(() => readName(Buffer.from(bytes), offset)).toThrow(message);
  });

  it('follows no more pointers than a name can have labels, whatever message they stand in', () => {
    const links = 8_000;
    const chain = Buffer.alloc(1 + 2 * links);
    for (let link = 0; link < links; link++)
      chain.writeUInt16BE(0xc000 | (link === 0 ? 0 : 2 * link - 1), 1 + 2 * link);
    expect(readName(chain, 1 + 2 * 127)).toMatchObject({ name: ROOT });
    expect(() => readName(chain, 1 + 2 * 128)).toThrow('more than 128 compression pointers');
    expect(() => readName(chain, chain.length - 2)).toThrow(FormatError);
  });

  it('refuses a name that grows over 255 octets by its pointers', () => {
    const label = Buffer.from(`\x3f${label63}`, 'latin1');
    const long = Buffer.concat([label, label, label, label, ROOT]);
    expect(() => readName(long, 0)).toThrow('longer than 255');
    const chain = Buffer.concat([label, ROOT, label, Buffer.from([0xc0, 0]), label, Buffer.from([0xc0, 65])]);
    expect(readName(chain, 65 + 66).name.length).toBe(193);
    const over = Buffer.concat([chain, label, Buffer.from([0xc0, 131])]);
    expect(() => readName(over, 131 + 66)).toThrow('longer than 255');
  });

  it('takes no pointer where compression is not allowed', () => {
    expect(() => endOfName(isi, 12)).toThrow('compressed where');
    expect(() => endOfName(isi, 0, 11)).toThrow('past the end');
    expect(endOfName(isi, 0, 12)).toBe(12);
  });

  it('gives a copy, so that a short name does not keep a long message', () => {
    const bytes = Buffer.from('\x01a\0', 'latin1');
    const { name } = readName(bytes, 0);
    bytes[1] = 0x62;
    expect(formatName(name)).toBe('a.');
  });
});

function catchMessage(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}
