/** A zone, and thirty changes of it in which everything that a difference can be made of comes to pass. */

export const ZONE = 'follow.test.';
export const TARGET = 'cdn.follow.example.net.';

export const FIRST_ZONE = `$TTL 300
@ SOA ns1 hostmaster 1000 3600 600 604800 300
@ NS ns1
@ NS ns2.example.net.
@ ALIAS ${TARGET}
@ MX 10 mail
ns1 A 192.0.2.53
mail A 192.0.2.25
www A 192.0.2.80
deep.er.and.deeper TXT "below empty names"
*.wild A 192.0.2.90
${Array.from({ length: 300 }, (_, host) => `host${host} A 10.0.${host >> 8}.${host & 255}`).join('\n')}
`;

export interface Change {
  what: string;
  /** Statements of one transaction. */
  sql?: string;
  /** Where the ALIAS leads from now on. */
  place?: { A: string[]; AAAA: string[] };
}

const add = (name: string, type: string, content: string, ttl = 300) =>
  `insert into records (zone_id, name, type, content, ttl) select id, '${name}${name === '' ? '' : '.'}${ZONE}', '${type}', $c$${content}$c$, ${ttl} from zones where name = '${ZONE}'`;
const remove = (name: string, type: string) =>
  `delete from records where name = '${name}.${ZONE}' and type = '${type}'`;
const many = (count: number, of: (number: number) => string) =>
  Array.from({ length: count }, (_, number) => of(number)).join('; ');

export const CHANGES: Change[] = [
  { what: 'a record is added', sql: add('new', 'A', '192.0.2.1') },
  { what: 'a record of a second type beside it', sql: add('new', 'AAAA', '2001:db8::1') },
  { what: 'an RRset grows', sql: many(20, (n) => add('new', 'A', `192.0.2.${100 + n}`)) },
  { what: 'a TTL of an RRset', sql: `update records set ttl = 60 where name = 'new.${ZONE}' and type = 'A'` },
  {
    what: 'an RRset shrinks',
    sql: `delete from records where name = 'new.${ZONE}' and content like '192.0.2.11%'`,
  },
  { what: 'a type goes', sql: remove('new', 'A') },
  { what: 'a name goes', sql: remove('new', 'AAAA') },
  { what: 'the ALIAS moves', place: { A: ['198.51.100.2'], AAAA: ['2001:db8:1::2'] } },
  { what: 'one family of the ALIAS moves', place: { A: ['198.51.100.2'], AAAA: ['2001:db8:1::3'] } },
  {
    what: 'the ALIAS has many addresses',
    place: { A: ['198.51.100.2', '198.51.100.3', '198.51.100.4'], AAAA: ['2001:db8:1::3', '2001:db8:1::4'] },
  },
  { what: 'the SOA alone', sql: `update zones set refresh = 7200 where name = '${ZONE}'` },
  { what: 'the TTL of the SOA', sql: `update zones set soa_ttl = 900 where name = '${ZONE}'` },
  { what: 'an address becomes a CNAME', sql: `${remove('host1', 'A')}; ${add('host1', 'CNAME', 'www')}` },
  {
    what: 'a CNAME becomes an address',
    sql: `${remove('host1', 'CNAME')}; ${add('host1', 'A', '10.9.9.9')}`,
  },
  { what: 'an unknown type', sql: add('unknown', 'TYPE65400', '\\# 4 deadbeef') },
  { what: 'an HTTPS record', sql: add('', 'HTTPS', '1 . alpn=h2 ipv4hint=192.0.2.1') },
  { what: 'an SRV record', sql: add('_sip._tcp', 'SRV', '1 2 5060 mail') },
  {
    what: 'a delegation with glue',
    sql: `${add('child', 'NS', 'ns.child')}; ${add('ns.child', 'A', '192.0.2.200')}`,
  },
  {
    what: 'the glue moves',
    sql: `update records set content = '192.0.2.201' where name = 'ns.child.${ZONE}'`,
  },
  { what: 'what lies below a delegation', sql: add('occluded.child', 'TXT', '"not seen by resolvers"') },
  { what: 'a delegation goes', sql: `delete from records where name like '%child.${ZONE}'` },
  { what: 'a wildcard', sql: add('*.more', 'MX', '5 mail') },
  { what: 'text with every kind of octet', sql: add('text', 'TXT', '"a\\"b\\\\c\\000\\255" "; ( ) @"') },
  { what: 'sixty records at once', sql: many(60, (n) => add(`batch${n}`, 'TXT', `"${n}"`)) },
  { what: 'sixty records go', sql: `delete from records where name like 'batch%'` },
  { what: 'letters in another case', sql: add('Mixed.Case', 'A', '192.0.2.33') },
  {
    what: 'many names at once',
    sql: `update records set content = '10.1.1.1' where name like 'host2%.${ZONE}'`,
  },
  {
    what: 'the name server moves',
    sql: `update records set content = '192.0.2.54' where name = 'ns1.${ZONE}'`,
  },
  { what: 'another mail server', sql: add('', 'MX', '20 mail2.example.net.') },
  { what: 'the ALIAS moves back', place: { A: ['198.51.100.1'], AAAA: ['2001:db8:1::1'] } },
];
