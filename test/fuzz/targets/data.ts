import { FormatError } from '../../../src/dns/format-error.ts';
import {
  absoluteName,
  canonicalName,
  equalNames,
  formatName,
  NameError,
  nameKey,
  parseName,
  readName,
} from '../../../src/dns/name.ts';
import {
  canonicalRdata,
  compressibleNames,
  formatRdata,
  parseRdata,
  RdataError,
  readRdata,
} from '../../../src/dns/rdata/index.ts';
import { typeFromText, typeToText } from '../../../src/dns/types.ts';
import { memberLabel, memberOwner } from '../../../src/zone/catalog.ts';
import { everyType } from '../../dns/rdata.examples.ts';
import { holds, type Target, unless } from './target.ts';

/** The first octet is the offset. */
export const nameWire: Target = {
  about: 'a name in a message, compressed',
  limit: 65_535,
  dictionary: [Buffer.from('c001', 'hex'), Buffer.from('3f', 'hex'), Buffer.from('00', 'hex')],
  run: (input) => {
    const found = unless([FormatError], () => readName(input, input[0] ?? 0));
    if (found !== undefined) sameName(found.name);
  },
};

export const nameText: Target = {
  about: 'a name as text',
  dictionary: ['\\000', '\\255', '\\.', '@', '.', 'xn--', 'ä', 'a'.repeat(63), '*'],
  run: (input) => {
    const text = input.toString();
    for (const parse of [parseName, absoluteName, (given: string) => parseName(given, ORIGIN)]) {
      const name = unless([NameError], () => parse(text));
      if (name !== undefined) sameName(name);
    }
    const label = memberLabel(text, 'catalog.example.');
    if (label !== undefined) holds(memberOwner(label, 'catalog.example.') === text, () => 'another member');
  },
};

const ORIGIN = absoluteName('origin.example.');

function sameName(name: Buffer): void {
  holds(name.length <= 255, () => 'a name over 255 octets');
  holds(parseName(formatName(name)).equals(name), () => `${formatName(name)} is read back as another name`);
  const key = nameKey(name);
  holds(
    parseName(key).equals(canonicalName(name)) && equalNames(parseName(key), name),
    () => `${key} is another name`,
  );
}

/** The first two octets are the type. */
export const rdataWire: Target = {
  about: 'the data of a record in a message, of any type',
  limit: 65_537,
  dictionary: everyType.map(([type, text]) => withType(type, text)),
  run: (input) => {
    if (input.length < 2) return;
    const type = input.readUInt16BE(0);
    const rdata = unless([FormatError], () => readRdata(type, input, 2, input.length - 2));
    if (rdata !== undefined) sameRdata(type, rdata);
  },
};

/** A type's mnemonic, a blank, and the data. */
export const rdataText: Target = {
  about: 'the data of a record as text, of any type',
  dictionary: [
    ...everyType.map(([type, text]) => `${type} ${text}`),
    '\\# 4 ',
    '"',
    '\\',
    '(',
    'key65535=',
    'alpn=',
  ],
  run: (input) => {
    const [, mnemonic = '', text = ''] = /^(\S{1,20}) (.*)$/s.exec(input.toString()) ?? [];
    const type = typeFromText(mnemonic);
    if (type === undefined) return;
    const rdata = unless([RdataError, NameError], () => parseRdata(type, text));
    if (rdata === undefined) return;
    holds(typeFromText(typeToText(type)) === type, () => `type ${type} is read back as another`);
    sameRdata(type, rdata);
  },
};

/** An rdata that was taken keeps its meaning, however it is written. */
export function sameRdata(type: number, rdata: Buffer): void {
  const text = formatRdata(type, rdata);
  holds(!/[\r\n]/.test(text), () => `${typeToText(type)}: its text breaks the line`);
  const again = unless([RdataError], () => parseRdata(type, text)) ?? generic(type, rdata);
  holds(
    again.equals(rdata),
    () => `${typeToText(type)} ${rdata.toString('hex')}: "${text}" is ${again.toString('hex')}`,
  );
  const canonical = canonicalRdata(type, rdata);
  holds(
    canonicalRdata(type, canonical).equals(canonical),
    () => `${typeToText(type)} ${text}: canonical twice differs`,
  );
  const pieces = Buffer.concat(compressibleNames(type, rdata).map((piece) => piece.bytes ?? piece.name));
  holds(pieces.equals(rdata), () => `${typeToText(type)} ${text}: its pieces make another`);
}

/** What a type says of its values beyond their form holds for text: a DS of a wrong length comes by wire, and in generic form. */
function generic(type: number, rdata: Buffer): Buffer {
  return parseRdata(type, `\\# ${rdata.length} ${rdata.toString('hex')}`);
}

export function withType(mnemonic: string, text: string): Buffer {
  const type = typeFromText(mnemonic) ?? 0;
  return Buffer.concat([Buffer.from([type >> 8, type & 0xff]), parseRdata(type, text)]);
}
