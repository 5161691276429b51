/** The parameters of SVCB and HTTPS by key (RFC 9460, 7 and 14.3.2; RFC 9461; RFC 9540). */
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './address-text.ts';

export interface Parameter {
  /** Completes "… is expected". */
  readonly expected: string;
  /** Octets on the wire from the value's octets in the text; undefined where it is none. */
  readonly parse: (value: Buffer) => Buffer | undefined;
  readonly isValid: (wire: Buffer) => boolean;
  /** Octets of the text, before the escapes of a character-string. */
  readonly format: (wire: Buffer) => Buffer;
}

/** A key's number from its name or `key65280`. */
export function keyFromText(text: string): number | undefined {
  const known = KEYS.indexOf(text.toLowerCase());
  if (known >= 0) return known;
  const digits = /^key(0|[1-9][0-9]{0,4})$/i.exec(text)?.[1];
  // 65535 is reserved as "invalid key" (RFC 9460, 14.3.2).
  return digits === undefined || Number(digits) > 65534 ? undefined : Number(digits);
}

/** A key's name; the number of one so young that servers in use don't know its name yet (BIND 9.18). */
export function keyToText(key: number): string {
  return key === OHTTP ? `key${key}` : (KEYS[key] ?? `key${key}`);
}

export function parameterOf(key: number): Parameter {
  return PARAMETERS[key] ?? opaque;
}

const KEYS = [
  'mandatory',
  'alpn',
  'no-default-alpn',
  'port',
  'ipv4hint',
  'ech',
  'ipv6hint',
  'dohpath',
  'ohttp',
];
const OHTTP = 8;

const opaque: Parameter = {
  expected: 'a value',
  parse: (value) => value,
  isValid: () => true,
  format: (wire) => wire,
};

const path: Parameter = { ...opaque, expected: 'a path template', isValid: (wire) => wire.length > 0 };

const flag: Parameter = {
  expected: 'no value',
  parse: (value) => value,
  isValid: (wire) => wire.length === 0,
  format: (wire) => wire,
};

const mandatory: Parameter = {
  expected: 'a list of other keys such as alpn,port, each once,',
  parse: (value) => {
    const keys = value
      .toString('latin1')
      .split(',')
      .map((text) => keyFromText(text) ?? -1)
      .sort((a, b) => a - b);
    if (keys.includes(-1)) return undefined;
    const wire = Buffer.alloc(keys.length * 2);
    for (const [index, key] of keys.entries()) wire.writeUInt16BE(key, index * 2);
    return wire;
  },
  isValid: (wire) => {
    let previous = 0;
    for (let index = 0; index + 1 < wire.length; index += 2) {
      const key = wire.readUInt16BE(index);
      if (key <= previous) return false;
      previous = key;
    }
    return wire.length > 0 && wire.length % 2 === 0;
  },
  format: (wire) => {
    const keys: string[] = [];
    for (let index = 0; index < wire.length; index += 2) keys.push(keyToText(wire.readUInt16BE(index)));
    return Buffer.from(keys.join(','));
  },
};

const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Protocol ids, each behind its length; in text a comma or backslash within an id is escaped (RFC 9460, A.1). */
const alpn: Parameter = {
  expected: 'a list of protocols such as h2,h3',
  parse: (value) => {
    const wire: number[] = [0];
    let lengthAt = 0;
    for (let index = 0; index < value.length; index++) {
      let octet = value[index]!;
      if (octet === COMMA) {
        lengthAt = wire.push(0) - 1;
        continue;
      }
      if (octet === BACKSLASH) {
        octet = value[++index] ?? -1;
        if (octet !== COMMA && octet !== BACKSLASH) return undefined;
      }
      wire.push(octet);
      if (wire.length - lengthAt - 1 > 255) return undefined;
      wire[lengthAt]!++;
    }
    return Buffer.from(wire);
  },
  isValid: (wire) => {
    let position = 0;
    while (position < wire.length) {
      if (wire[position] === 0) return false;
      position += wire[position]! + 1;
    }
    return wire.length > 0 && position === wire.length;
  },
  format: (wire) => {
    const text: number[] = [];
    for (let position = 0; position < wire.length; position += wire[position]! + 1) {
      if (position > 0) text.push(COMMA);
      for (const octet of wire.subarray(position + 1, position + 1 + wire[position]!)) {
        if (octet === COMMA || octet === BACKSLASH) text.push(BACKSLASH);
        text.push(octet);
      }
    }
    return Buffer.from(text);
  },
};

const port: Parameter = {
  expected: 'a number from 0 to 65535',
  parse: (value) => {
    const text = value.toString('latin1');
    if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) return undefined;
    return Buffer.from([Number(text) >>> 8, Number(text) & 255]);
  },
  isValid: (wire) => wire.length === 2,
  format: (wire) => Buffer.from(String(wire.readUInt16BE(0))),
};

const ech: Parameter = {
  expected: 'Base64',
  parse: (value) => {
    const text = value.toString('latin1');
    const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0;
    return isBase64 ? Buffer.from(text, 'base64') : undefined;
  },
  isValid: (wire) => wire.length > 0,
  format: (wire) => Buffer.from(wire.toString('base64')),
};

const ipv4hint = addressList('a list of IPv4 addresses', 4, parseIpv4, formatIpv4);
const ipv6hint = addressList('a list of IPv6 addresses', 16, parseIpv6, formatIpv6);

const PARAMETERS: readonly Parameter[] = [mandatory, alpn, flag, port, ipv4hint, ech, ipv6hint, path, flag];

function addressList(
  expected: string,
  size: number,
  parse: (text: string) => Uint8Array | undefined,
  format: (bytes: Uint8Array, offset: number) => string,
): Parameter {
  return {
    expected,
    parse: (value) => {
      const addresses: Buffer[] = [];
      for (const text of value.toString('latin1').split(',')) {
        const address = parse(text);
        if (address === undefined) return undefined;
        addresses.push(Buffer.from(address));
      }
      return Buffer.concat(addresses);
    },
    isValid: (wire) => wire.length > 0 && wire.length % size === 0,
    format: (wire) => {
      const addresses: string[] = [];
      for (let offset = 0; offset < wire.length; offset += size) addresses.push(format(wire, offset));
      return Buffer.from(addresses.join(','));
    },
  };
}
