/** The everyday types: addresses, names and text (RFC 1035, RFC 3596, RFC 2782 and others). */
import { TYPE } from '../types.ts';
import { type Codec, compressed, type Field, folded, plain } from './field.ts';
import { ipv4, ipv6, name, period, uint8, uint16, uint32 } from './fields.ts';
import { longText, string, strings, tag } from './strings.ts';

export const classicTypes: ReadonlyArray<readonly [number, Codec]> = [
  [TYPE.A, plain([ipv4('address')])],
  [TYPE.AAAA, plain([ipv6('address')])],
  [TYPE.NS, compressed(name('server'))],
  [TYPE.CNAME, compressed(name('target'))],
  [TYPE.PTR, compressed(name('target'))],
  [TYPE.MX, compressed(uint16('preference'), name('exchange'))],
  [TYPE.SOA, compressed(...soaFields())],
  [TYPE.MB, compressed(name('host'))],
  [TYPE.MG, compressed(name('mailbox'))],
  [TYPE.MR, compressed(name('mailbox'))],
  [TYPE.MINFO, compressed(name('responsible mailbox'), name('error mailbox'))],
  [TYPE.HINFO, plain([string('processor'), string('system')])],
  [TYPE.TXT, plain([strings('text')])],
  [TYPE.SPF, plain([strings('text')])],
  [TYPE.AVC, plain([strings('text')])],
  [TYPE.RESINFO, plain([strings('text')])],
  [TYPE.WALLET, plain([strings('text')])],
  [TYPE.DNAME, folded(name('target'))],
  [TYPE.RP, folded(name('mailbox'), name('text name'))],
  [TYPE.AFSDB, folded(uint16('subtype'), name('host'))],
  [TYPE.RT, folded(uint16('preference'), name('intermediate host'))],
  [TYPE.KX, folded(uint16('preference'), name('exchanger'))],
  [TYPE.SRV, folded(uint16('priority'), uint16('weight'), uint16('port'), name('target'))],
  [TYPE.NAPTR, folded(...naptrFields())],
  [TYPE.CAA, plain([uint8('flags'), tag('tag'), longText('value', 0)])],
  [TYPE.URI, plain([uint16('priority'), uint16('weight'), longText('target', 1)])],
];

function soaFields(): Field[] {
  return [
    name('primary server'),
    name('contact'),
    uint32('serial'),
    period('refresh'),
    period('retry'),
    period('expire'),
    period('minimum'),
  ];
}

function naptrFields(): Field[] {
  return [
    uint16('order'),
    uint16('preference'),
    string('flags'),
    string('services'),
    string('regular expression'),
    name('replacement'),
  ];
}
