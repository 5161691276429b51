/** Signatures and denial of existence (RFC 4034, RFC 5155): read so that an import can say what it leaves out. */
import { FormatError } from '../format-error.ts';
import { TYPE, typeFromText, typeToText } from '../types.ts';
import { base64, hex, parseHex } from './binary.ts';
import { quote, RdataError } from './error.ts';
import { type Codec, type Field, plain } from './field.ts';
import { fixed, name, period, uint8, uint16, uint32 } from './fields.ts';
import { ALGORITHM } from './keys.ts';
import { endOfString } from './strings.ts';

export const dnssecTypes: ReadonlyArray<readonly [number, Codec]> = [
  [
    TYPE.RRSIG,
    {
      ...plain([
        recordType('type covered'),
        uint8('algorithm', ALGORITHM),
        uint8('labels'),
        period('original TTL'),
        moment('expiration'),
        moment('inception'),
        uint16('key tag'),
        name('signer'),
        base64('signature'),
      ]),
      fold: true,
    },
  ],
  [TYPE.NSEC, plain([name('next name'), typeBitmap('types')])],
  [
    TYPE.NSEC3,
    plain([
      uint8('hash algorithm'),
      uint8('flags'),
      uint16('iterations'),
      salt('salt'),
      hashedName('next hashed name'),
      typeBitmap('types'),
    ]),
  ],
  [TYPE.NSEC3PARAM, plain([uint8('hash algorithm'), uint8('flags'), uint16('iterations'), salt('salt')])],
  [TYPE.CSYNC, plain([uint32('serial'), uint16('flags'), typeBitmap('types')])],
  [TYPE.ZONEMD, plain([uint32('serial'), uint8('scheme'), uint8('hash algorithm'), hex('digest')])],
];

function recordType(label: string): Field {
  const expected = 'a record type such as A or TYPE65400';
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const word = text.word(expected);
      const type = typeFromText(word);
      if (type === undefined) throw new RdataError(`got ${quote(word)}: ${expected} is expected`);
      wire.uint16(type);
    },
    end: fixed(2),
    format: (bytes, offset) => typeToText(bytes.readUInt16BE(offset)),
  };
}

/** A moment as YYYYMMDDHHmmSS in UTC or in seconds since 1970 (RFC 4034, 3.2). */
function moment(label: string): Field {
  const expected = 'a moment as YYYYMMDDHHmmSS';
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const word = text.word(expected);
      const [, year, month, day, hour, minute, second] =
        /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(word) ?? [];
      const seconds =
        year === undefined
          ? /^\d{1,10}$/.test(word)
            ? Number(word)
            : Number.NaN
          : Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) / 1000;
      // the 31st of February comes to a day of March
      const isDay = day === undefined || new Date(seconds * 1000).getUTCDate() === Number(day);
      if (!(seconds >= 0 && seconds <= 0xffffffff && isDay))
        throw new RdataError(`got ${quote(word)}: ${expected} is expected`);
      wire.uint32(seconds);
    },
    end: fixed(4),
    format: (bytes, offset) =>
      new Date(bytes.readUInt32BE(offset) * 1000).toISOString().slice(0, 19).replace(/[-:T]/g, ''),
  };
}

/** Hexadecimal digits, or `-` for none (RFC 5155, 3.3). */
function salt(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const word = text.word('hexadecimal or -');
      const octets = word === '-' ? Buffer.alloc(0) : parseHex(word);
      if (octets.length > 255)
        throw new RdataError(`a salt of ${octets.length} octets: at most 255 are allowed`);
      wire.uint8(octets.length);
      wire.octets(octets);
    },
    end: endOfString,
    format: (bytes, offset, end) => (end === offset + 1 ? '-' : bytes.toString('hex', offset + 1, end)),
  };
}

const DIGITS_32 = '0123456789abcdefghijklmnopqrstuv';

/** A hash in Base32 with the extended hexadecimal alphabet, without padding (RFC 5155, 3.3). */
function hashedName(label: string): Field {
  const expected = 'a hash in Base32';
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const word = text.word(expected).toLowerCase();
      if (!/^[0-9a-v]{2,408}$/.test(word))
        throw new RdataError(`got ${quote(word)}: ${expected} is expected`);
      wire.uint8(Math.floor((word.length * 5) / 8));
      let bits = 0;
      let value = 0;
      for (const digit of word) {
        value = (value << 5) | DIGITS_32.indexOf(digit);
        bits += 5;
        if (bits < 8) continue;
        bits -= 8;
        wire.uint8((value >>> bits) & 0xff);
      }
    },
    end: (bytes, offset, limit) => {
      const end = endOfString(bytes, offset, limit);
      if (end === offset + 1) throw new FormatError('a hash is empty');
      return end;
    },
    format: (bytes, offset, end) => {
      let text = '';
      let bits = 0;
      let value = 0;
      for (const octet of bytes.subarray(offset + 1, end)) {
        value = (value << 8) | octet;
        bits += 8;
        for (; bits >= 5; bits -= 5) text += DIGITS_32[(value >>> (bits - 5)) & 31];
      }
      return bits === 0 ? text : text + DIGITS_32[(value << (5 - bits)) & 31];
    },
  };
}

/** The types at a name, as windows of bits (RFC 4034, 4.1.2). None at all is allowed, as NSEC3 has it. */
function typeBitmap(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const types = new Set<number>();
      while (!text.ended) {
        const word = text.word('a record type');
        const type = typeFromText(word);
        if (type === undefined) throw new RdataError(`got ${quote(word)}: a record type is expected`);
        types.add(type);
      }
      const ascending = [...types].sort((a, b) => a - b);
      for (let index = 0; index < ascending.length; ) {
        const window = ascending[index]! >>> 8;
        const bits = Buffer.alloc(32);
        let octets = 0;
        for (; index < ascending.length && ascending[index]! >>> 8 === window; index++) {
          const low = ascending[index]! & 0xff;
          bits[low >>> 3]! |= 0x80 >>> (low & 7);
          octets = (low >>> 3) + 1;
        }
        wire.uint8(window);
        wire.uint8(octets);
        wire.octets(bits.subarray(0, octets));
      }
    },
    end: (bytes, offset, limit) => {
      let previous = -1;
      for (let position = offset; position < limit; ) {
        const window = bytes[position]!;
        const octets = bytes[position + 1]!;
        const end = position + 2 + octets;
        if (position + 2 > limit || octets < 1 || octets > 32 || end > limit || window <= previous) {
          throw new FormatError('a type bitmap is malformed');
        }
        previous = window;
        position = end;
      }
      return limit;
    },
    format: (bytes, offset, end) => {
      const types: string[] = [];
      for (let position = offset; position < end; ) {
        const octets = bytes[position + 1]!;
        // A window that ends in zero octets has no text of its own: shown in the generic form.
        if (bytes[position + 1 + octets] === 0) return undefined;
        for (let bit = 0; bit < octets * 8; bit++) {
          const isSet = bytes[position + 2 + (bit >>> 3)]! & (0x80 >>> (bit & 7));
          if (isSet) types.push(typeToText((bytes[position]! << 8) | bit));
        }
        position += 2 + octets;
      }
      return types.join(' ');
    },
  };
}
