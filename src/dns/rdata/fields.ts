/** The fields that several types share: numbers, times, names, addresses. */
import { FormatError } from '../format-error.ts';
import { endOfName, formatName, NameError, parseName, ROOT } from '../name.ts';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './address-text.ts';
import { quote, RdataError } from './error.ts';
import type { Field } from './field.ts';
import { parsePeriod } from './period.ts';

export function uint8(label: string, mnemonics?: Readonly<Record<string, number>>): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => wire.uint8(number(text.word(NUMBER_8), 255, NUMBER_8, mnemonics)),
    end: fixed(1),
    format: (bytes, offset) => String(bytes[offset]),
  };
}

export function uint16(label: string, mnemonics?: Readonly<Record<string, number>>): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => wire.uint16(number(text.word(NUMBER_16), 65535, NUMBER_16, mnemonics)),
    end: fixed(2),
    format: (bytes, offset) => String(bytes.readUInt16BE(offset)),
  };
}

export function uint32(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => wire.uint32(number(text.word(NUMBER_32), 0xffffffff, NUMBER_32)),
    end: fixed(4),
    format: (bytes, offset) => String(bytes.readUInt32BE(offset)),
  };
}

/** Seconds, with units where somebody wrote them: `1h30m`. */
export function period(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const word = text.word(PERIOD);
      const seconds = parsePeriod(word);
      if (seconds === undefined || seconds > 0xffffffff)
        throw new RdataError(`got ${quote(word)}: ${PERIOD} is expected`);
      wire.uint32(seconds);
    },
    end: fixed(4),
    format: (bytes, offset) => String(bytes.readUInt32BE(offset)),
  };
}

export function name(label: string): Field {
  return {
    label,
    isName: true,
    parse: (text, wire) => {
      const word = text.word('a name');
      if (word === '@' && text.origin === undefined && !text.originExpected)
        throw new NameError('"@" means nothing here: write the name in full');
      wire.octets(parseName(word, text.origin ?? (text.originExpected ? undefined : ROOT)));
    },
    end: endOfName,
    format: (bytes, offset, end) => formatName(bytes.subarray(offset, end)),
  };
}

export function ipv4(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const word = text.word(IPV4);
      const address = parseIpv4(word);
      if (address === undefined) throw new RdataError(`got ${quote(word)}: ${IPV4} is expected`);
      wire.octets(address);
    },
    end: fixed(4),
    format: formatIpv4,
  };
}

export function ipv6(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const word = text.word(IPV6);
      const address = parseIpv6(word);
      if (address === undefined) throw new RdataError(`got ${quote(word)}: ${IPV6} is expected`);
      wire.octets(address);
    },
    end: fixed(16),
    format: formatIpv6,
  };
}

/** A number in decimal, or one of `mnemonics` in any case. */
export function number(
  word: string,
  maximum: number,
  expected: string,
  mnemonics?: Readonly<Record<string, number>>,
): number {
  if (/^[0-9]{1,10}$/.test(word)) {
    const value = Number(word);
    if (value <= maximum) return value;
  } else if (mnemonics !== undefined && Object.hasOwn(mnemonics, word.toUpperCase())) {
    return mnemonics[word.toUpperCase()]!;
  }
  throw new RdataError(`got ${quote(word)}: ${expected} is expected`);
}

/** The end of a field that always has `size` octets. */
export function fixed(size: number): (bytes: Buffer, offset: number, limit: number) => number {
  return (_, offset, limit) => {
    if (offset + size > limit) throw new FormatError('the data ends within a field');
    return offset + size;
  };
}

const NUMBER_8 = 'a number from 0 to 255';
const NUMBER_16 = 'a number from 0 to 65535';
const NUMBER_32 = 'a number from 0 to 4294967295';
const PERIOD = 'a number of seconds, or a time such as 1h30m,';
const IPV4 = 'an IPv4 address such as 192.0.2.1';
const IPV6 = 'an IPv6 address such as 2001:db8::1';
