import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/dns/format-error.ts';
import { formatName, parseName } from '../../src/dns/name.ts';
import {
  canonicalRdata,
  compressibleNames,
  decodeSoa,
  encodeSoa,
  formatRdata,
  isCompressible,
  isKnownType,
  parseRdata,
  RdataError,
  readRdata,
  soaSerial,
  withSerial,
} from '../../src/dns/rdata/index.ts';
import { TYPE, typeFromText, typeToText } from '../../src/dns/types.ts';
import { everyType, refused } from './rdata.examples.ts';

const origin = parseName('example.com.');

function typeOf(text: string): number {
  const type = typeFromText(text);
  if (type === undefined) throw new Error(`no type ${text}`);
  return type;
}

const examples = everyType.map(([typeText, text, normal = text, hex]) => ({
  typeText,
  type: typeOf(typeText),
  text,
  normal,
  hex,
}));

describe('every type both ways', () => {
  it.each(examples)('$typeText $text', ({ type, text, normal, hex }) => {
    const rdata = parseRdata(type, text);
    expect(formatRdata(type, rdata)).toBe(normal);
    expect(parseRdata(type, normal)).toEqual(rdata);
    if (hex !== undefined) expect(rdata.toString('hex')).toBe(hex.replaceAll(' ', ''));

    // RFC 3597, 5: every type has the generic form, and every form is the same data.
    const generic = `\\# ${rdata.length} ${rdata.toString('hex')}`;
    expect(parseRdata(type, generic)).toEqual(rdata);

    const message = Buffer.concat([Buffer.alloc(12), rdata, Buffer.from([1, 2, 3])]);
    expect(readRdata(type, message, 12, rdata.length)).toEqual(rdata);
    expect(Buffer.concat(compressibleNames(type, rdata).map((piece) => piece.name ?? piece.bytes))).toEqual(
      rdata,
    );
  });

  it('has an example of every type that it understands', () => {
    const shown = new Set(everyType.map(([type]) => typeOf(type)));
    const missing = Array.from({ length: 65536 }, (_, type) => type).filter(
      (type) => isKnownType(type) && !shown.has(type),
    );
    expect(missing.map(typeToText)).toEqual([]);
  });

  it.each(examples.filter(({ type }) => isKnownType(type)))(
    'refuses $typeText cut short on the wire: $text',
    ({ type, text }) => {
      const rdata = parseRdata(type, text);
      expect(() => readRdata(type, rdata, 0, 0)).toThrow(FormatError);
      expect(() => readRdata(type, rdata, 0, rdata.length + 1)).toThrow(FormatError);
      // Whatever the length says, the reader stops there and never gives data of another length.
      for (let length = 0; length < rdata.length; length++) {
        try {
          expect(readRdata(type, rdata, 0, length)).toEqual(rdata.subarray(0, length));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }
    },
  );
});

describe('refusals', () => {
  it.each(refused)('%s %s: %s', (type, text, message) => {
    expect(() => parseRdata(typeOf(type), text)).toThrow(RdataError);
    expect(() => parseRdata(typeOf(type), text)).toThrow(message);
  });

  it('says where, what, and what was expected, in one line', () => {
    expect(() => parseRdata(TYPE.MX, 'ten mail.example.com.')).toThrow(
      /^MX preference: got "ten": a number from 0 to 65535 is expected$/,
    );
    expect(() => parseRdata(TYPE.TXT, `"${'x'.repeat(256)}"`)).toThrow(
      /^TXT text: a character-string of 256 octets: at most 255 are allowed, split it into several strings in quotes$/,
    );
  });

  it('counts octets of a character-string, not characters', () => {
    expect(parseRdata(TYPE.TXT, `"${'\\200'.repeat(255)}"`).length).toBe(256);
    expect(parseRdata(TYPE.TXT, `"${'é'.repeat(127)}"`).length).toBe(255);
    expect(() => parseRdata(TYPE.TXT, `"${'é'.repeat(128)}"`)).toThrow('256 octets');
  });

  it('holds no more than 65535 octets', () => {
    const most = `\\# 65535 ${'00'.repeat(65535)}`;
    expect(parseRdata(65400, most).length).toBe(65535);
    expect(() => parseRdata(65400, `\\# 65536 ${'00'.repeat(65536)}`)).toThrow('0 to 65535');
    const strings = `"${'x'.repeat(255)}" `;
    expect(parseRdata(TYPE.TXT, strings.repeat(255)).length).toBe(65280);
    expect(() => parseRdata(TYPE.TXT, strings.repeat(256))).toThrow('over 65535 octets');
  });
});

describe('names inside', () => {
  it('are relative to the origin where there is one, absolute where not', () => {
    expect(formatRdata(TYPE.MX, parseRdata(TYPE.MX, '10 mail', origin))).toBe('10 mail.example.com.');
    expect(formatRdata(TYPE.MX, parseRdata(TYPE.MX, '10 @', origin))).toBe('10 example.com.');
    expect(formatRdata(TYPE.MX, parseRdata(TYPE.MX, '10 mail.example.net'))).toBe('10 mail.example.net.');
    expect(() => parseRdata(TYPE.MX, '10 @')).toThrow('write the name in full');
  });

  it('keep their case, and are equal without it (RFC 4034, 6.2)', () => {
    const upper = parseRdata(TYPE.SRV, '1 2 3 Target.Example.');
    expect(formatRdata(TYPE.SRV, upper)).toBe('1 2 3 Target.Example.');
    expect(canonicalRdata(TYPE.SRV, upper)).toEqual(parseRdata(TYPE.SRV, '1 2 3 target.example.'));
    expect(formatRdata(TYPE.SRV, upper)).toBe('1 2 3 Target.Example.');
  });

  it.each([
    ['NS', 'A.', 'a.'],
    ['SOA', 'A. B. 1 2 3 4 5', 'a. b. 1 2 3 4 5'],
    ['NAPTR', '1 2 "U" "S" "R" A.', '1 2 "U" "S" "R" a.'],
    [
      'RRSIG',
      'A 8 2 300 20300101000000 20200101000000 1 A. AAAA',
      'A 8 2 300 20300101000000 20200101000000 1 a. AAAA',
    ],
    ['NSEC', 'A. NS', 'A. NS'], // RFC 6840, 5.1
    ['SVCB', '1 A.', '1 A.'],
    ['TXT', '"A"', '"A"'],
  ])('%s %s compares as %s', (type, text, canonical) => {
    expect(formatRdata(typeOf(type), canonicalRdata(typeOf(type), parseRdata(typeOf(type), text)))).toBe(
      canonical,
    );
  });

  it('RFC 3597, 4: are offered for compression in the types of RFC 1035 alone', () => {
    const soa = parseRdata(TYPE.SOA, 'a. b. 1 2 3 4 5');
    expect(compressibleNames(TYPE.SOA, soa)).toEqual([
      { name: parseName('a.') },
      { name: parseName('b.') },
      { bytes: soa.subarray(6) },
    ]);
    const mx = parseRdata(TYPE.MX, '10 a.');
    expect(compressibleNames(TYPE.MX, mx)).toEqual([{ bytes: mx.subarray(0, 2) }, { name: parseName('a.') }]);
    for (const type of [
      TYPE.SRV,
      TYPE.DNAME,
      TYPE.NAPTR,
      TYPE.RP,
      TYPE.SVCB,
      TYPE.RRSIG,
      TYPE.NSEC,
      TYPE.A,
      65400,
    ]) {
      expect(isCompressible(type)).toBe(false);
    }
    expect(compressibleNames(TYPE.DNAME, parseName('a.'))).toEqual([{ bytes: parseName('a.') }]);
  });

  it('RFC 1035, 4.1.4: are written in full when taken out of a message', () => {
    const message = Buffer.from('\x07example\x03com\0\x00\x0a\x04mail\xc0\x00', 'latin1');
    expect(formatRdata(TYPE.MX, readRdata(TYPE.MX, message, 13, 9))).toBe('10 mail.example.com.');
    expect(() => readRdata(TYPE.MX, message, 13, 8)).toThrow(FormatError);
    expect(() => readRdata(TYPE.MX, message, 13, 10)).toThrow(FormatError);
    const srv = Buffer.from('\x03com\0\0\x01\0\x02\0\x03\x01a\xc0\0', 'latin1');
    expect(formatRdata(TYPE.SRV, readRdata(TYPE.SRV, srv, 5, 10))).toBe('1 2 3 a.com.');
    const svcb = Buffer.from('\x03com\0\0\x01\x01a\xc0\0', 'latin1');
    expect(() => readRdata(TYPE.SVCB, svcb, 5, 6)).toThrow(
      'SVCB: a name is compressed where compression is not allowed',
    );
  });
});

describe('SOA in its parts (RFC 1035, 3.3.13)', () => {
  const rdata = parseRdata(TYPE.SOA, 'ns1.Example.com. hostmaster.example.com. 4294967295 1h 600 2w 300');

  it('comes apart and together', () => {
    const parts = decodeSoa(rdata);
    expect(formatName(parts.mname)).toBe('ns1.Example.com.');
    expect(formatName(parts.rname)).toBe('hostmaster.example.com.');
    expect(parts).toMatchObject({
      serial: 4294967295,
      refresh: 3600,
      retry: 600,
      expire: 1209600,
      minimum: 300,
    });
    expect(encodeSoa(parts)).toEqual(rdata);
  });

  it('takes another serial without a change of the first', () => {
    expect(soaSerial(withSerial(rdata, 7))).toBe(7);
    expect(soaSerial(rdata)).toBe(4294967295);
  });

  it('refuses data of another length', () => {
    expect(() => decodeSoa(rdata.subarray(0, -1))).toThrow(FormatError);
    expect(() => decodeSoa(Buffer.concat([rdata, Buffer.alloc(1)]))).toThrow(FormatError);
  });
});

describe('whatever comes from the wire', () => {
  const types = everyType.map(([type]) => typeOf(type));

  it('formats and parses to the same bytes, or is refused', () => {
    const anything = fc.record({ type: fc.constantFrom(...types), bytes: fc.uint8Array({ maxLength: 60 }) });
    fc.assert(
      fc.property(anything, ({ type, bytes }) => roundTrip(type, Buffer.from(bytes))),
      { numRuns: 5000 },
    );
  });

  it('formats and parses to the same bytes when one octet of right data is changed', () => {
    const mutation = fc.record({
      example: fc.constantFrom(...everyType),
      at: fc.nat(200),
      octet: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(mutation, ({ example: [typeText, text], at, octet }) => {
        const rdata = parseRdata(typeOf(typeText), text);
        if (rdata.length > 0) rdata[at % rdata.length] = octet;
        roundTrip(typeOf(typeText), rdata);
      }),
      { numRuns: 5000 },
    );
  });

  it('formats and parses TXT of any octets', () => {
    const strings = fc.array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(strings, (parts) => {
        const rdata = Buffer.concat(parts.flatMap((part) => [Buffer.from([part.length]), part]));
        expect(parseRdata(TYPE.TXT, formatRdata(TYPE.TXT, rdata))).toEqual(rdata);
      }),
    );
  });
});

function roundTrip(type: number, bytes: Buffer): void {
  let rdata: Buffer;
  try {
    rdata = readRdata(type, bytes, 0, bytes.length);
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return;
  }
  const text = formatRdata(type, rdata);
  try {
    expect(parseRdata(type, text)).toEqual(rdata);
  } catch (error) {
    // A text may be stricter than the wire, as with a digest of the wrong length; its octets are always taken.
    expect(error).toBeInstanceOf(RdataError);
    expect(parseRdata(type, `\\# ${rdata.length} ${rdata.toString('hex')}`)).toEqual(rdata);
    expect(String(error)).toMatch(/digest|at least one character/);
  }
}
