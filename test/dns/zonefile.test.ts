// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${…} is the notation of $GENERATE

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatName, NameError, parseName } from '../../src/dns/name.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { TYPE, typeFromText } from '../../src/dns/types.ts';
import {
  formatRecord,
  formatZoneFile,
  parseZoneFile,
  readZoneFile,
  ZoneFileError,
} from '../../src/dns/zonefile/index.ts';
import { everyType } from './rdata.examples.ts';

const options = { origin: 'example.com.', file: 'zone', defaultTtl: 3600 };

/** The records of a file as lines, one spelling each. */
function linesOf(text: string, given: Parameters<typeof parseZoneFile>[1] = options): string[] {
  return parseZoneFile(text, given).records.map(formatRecord);
}

describe('entries (RFC 1035, 5.1)', () => {
  it('may go on over lines in parentheses, with comments between', () => {
    const text = `
@ IN SOA ns1 hostmaster.example.com. ( ; begins here
      2024010101 ; serial
      1h         ; refresh
      ( 15m ) 1w
      300 )
 TXT ("one" two"three";four
 ) ; end`;
    expect(linesOf(text)).toEqual([
      'example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 2024010101 3600 900 604800 300',
      'example.com. 300 IN TXT "one" "two" "three"',
    ]);
    expect(parseZoneFile(text, options).records.map(({ line }) => line)).toEqual([2, 7]);
  });

  it('may leave out the owner, which is then the one before, whatever the origin has become', () => {
    const text =
      'www A 192.0.2.1\n\n \t\n; comment\n\tAAAA ::1\n$ORIGIN sub\n A 192.0.2.2\nwww A 192.0.2.3\n';
    expect(linesOf(text)).toEqual([
      'www.example.com. 3600 IN A 192.0.2.1',
      'www.example.com. 3600 IN AAAA ::1',
      'www.example.com. 3600 IN A 192.0.2.2',
      'www.sub.example.com. 3600 IN A 192.0.2.3',
    ]);
  });

  it('may have TTL and class in any order, or leave them out', () => {
    const forms = ['A', '60 A', 'IN A', '60 IN A', 'IN 60 A', '1m in a', 'Class1 60 TYPE1'];
    for (const form of forms) {
      const ttl = /60|1m/.test(form) ? 60 : 3600;
      expect(linesOf(`www ${form} 192.0.2.1`)).toEqual([`www.example.com. ${ttl} IN A 192.0.2.1`]);
    }
  });

  it('has owners that look like types, classes and numbers', () => {
    expect(linesOf('a A 192.0.2.1\nin IN A 192.0.2.1\n60 60 A 192.0.2.1\n1h A 192.0.2.1')).toEqual([
      'a.example.com. 3600 IN A 192.0.2.1',
      'in.example.com. 3600 IN A 192.0.2.1',
      '60.example.com. 60 IN A 192.0.2.1',
      '1h.example.com. 60 IN A 192.0.2.1',
    ]);
  });

  it('are told apart by any end of line, and the last needs none', () => {
    expect(linesOf('\ufeffa A 192.0.2.1\r\n  A 192.0.2.2\r\n\r\nb A 192.0.2.3')).toEqual([
      'a.example.com. 3600 IN A 192.0.2.1',
      'a.example.com. 3600 IN A 192.0.2.2',
      'b.example.com. 3600 IN A 192.0.2.3',
    ]);
    expect(linesOf('')).toEqual([]);
    expect(linesOf('; nothing but a comment')).toEqual([]);
  });

  it('keep special characters in quotes and behind a backslash', () => {
    expect(linesOf('a\\;b\\(c TXT "x;y(z) \\"q\\"" a\\ b\\;')).toEqual([
      'a\\;b\\(c.example.com. 3600 IN TXT "x;y(z) \\"q\\"" "a b;"',
    ]);
    expect(linesOf('a\\.b.c A 192.0.2.1')[0]).toMatch(/^a\\\.b\.c\.example\.com\. /);
    expect(linesOf('\\@ A 192.0.2.1\n\\$ttl A 192.0.2.1')).toEqual([
      '\\@.example.com. 3600 IN A 192.0.2.1',
      '\\$ttl.example.com. 3600 IN A 192.0.2.1',
    ]);
    expect(linesOf('@ HTTPS 1 . alpn="h2,h3" key65280="a b;c"')).toEqual([
      'example.com. 3600 IN HTTPS 1 . alpn=h2,h3 key65280="a b;c"',
    ]);
  });

  it('keep the case of names, RFC 4343', () => {
    expect(linesOf('WWW CNAME Host\n', { ...options, origin: 'Example.COM.' })).toEqual([
      'WWW.Example.COM. 3600 IN CNAME Host.Example.COM.',
    ]);
  });

  it('know ALIAS and ANAME, with a target relative to the origin', () => {
    const { records } = parseZoneFile('@ ALIAS cdn.example.net.\nwww 60 aname @\nb IN ALIAS b.cdn', options);
    expect(records.map(({ type }) => type)).toEqual(['ALIAS', 'ALIAS', 'ALIAS']);
    expect(records.map(({ text }) => text)).toEqual([
      'cdn.example.net.',
      'example.com.',
      'b.cdn.example.com.',
    ]);
    expect(records[0]!.rdata).toEqual(parseName('cdn.example.net.'));
    expect(records.map(formatRecord)[1]).toBe('www.example.com. 60 IN ALIAS example.com.');
  });
});

describe('directives', () => {
  it('$ORIGIN is absolute, or relative to the one before', () => {
    expect(linesOf('$ORIGIN a\n$origin b\n@ A 192.0.2.1\n$ORIGIN example.com.\nx A 192.0.2.1')).toEqual([
      'b.a.example.com. 3600 IN A 192.0.2.1',
      'x.example.com. 3600 IN A 192.0.2.1',
    ]);
  });

  it('RFC 2308, 4: $TTL holds for what follows without a TTL of its own', () => {
    const text = 'a A 192.0.2.1\n$TTL 1h30m\nb 5 A 192.0.2.1\nc A 192.0.2.1\n$TTL 0\nd A 192.0.2.1';
    expect(parseZoneFile(text, { ...options, defaultTtl: 77 }).records.map(({ ttl }) => ttl)).toEqual([
      77, 5, 5400, 0,
    ]);
  });

  it('RFC 1035, 5.1: without $TTL the last stated TTL holds, before any the minimum of the SOA', () => {
    const soa = '@ SOA a. b. 1 2 3 4 55\n';
    expect(parseZoneFile(`${soa}a A 192.0.2.1\n`, { origin: 'x.' }).records.map(({ ttl }) => ttl)).toEqual([
      55, 55,
    ]);
    const stated = parseZoneFile(
      `@ 9 SOA a. b. 1 2 3 4 5\na A 192.0.2.1\nb 7 A 192.0.2.1\nc A 192.0.2.1`,
      options,
    );
    expect(stated.records.map(({ ttl }) => ttl)).toEqual([9, 9, 7, 7]);
    expect(() => parseZoneFile('a A 192.0.2.1', { origin: 'x.', file: 'f' })).toThrow(
      'f:1: the record has no TTL and none is set before it',
    );
  });

  it.each([
    ['1', 1],
    ['1s', 1],
    ['1h30m', 5400],
    ['1W2D3H4M5S', 788645],
    ['2147483647', 2147483647],
  ])('TTL %s has %i seconds', (text, seconds) => {
    expect(parseZoneFile(`a ${text} A 192.0.2.1`, options).records[0]!.ttl).toBe(seconds);
  });

  it('$INCLUDE is refused by name', () => {
    expect(() => linesOf('\n$INCLUDE other.zone sub')).toThrow(
      /^zone:2: \$INCLUDE of "other\.zone" is not taken/,
    );
    expect(() => linesOf('$include')).toThrow('$INCLUDE is not taken');
  });
});

describe('$GENERATE', () => {
  it.each([
    ['1-3 host$ A 10.0.0.$', ['host1 A 10.0.0.1', 'host2 A 10.0.0.2', 'host3 A 10.0.0.3']],
    ['0-4/2 $ CNAME $.x', ['0 CNAME 0.x', '2 CNAME 2.x', '4 CNAME 4.x']],
    ['9-10 h${0,3} 60 IN A 10.0.0.${-9}', ['h009 60 A 10.0.0.0', 'h010 60 A 10.0.0.1']],
    ['254-254 h${0,4,x}-${0,0,X}-${1,0,o} A 10.0.0.1', ['h00fe-FE-377 A 10.0.0.1']],
    ['26-26 ${0,7,n} PTR ${0,0,N}.', ['a.1.0.0 PTR A.1.']],
    ['7-7 a\\$b TXT "$$ \\$ $" $', ['a\\$b TXT "$ $ 7" "7"']],
    ['17-17 a${0,8,n}x PTR a', ['a1.1.0.0.x PTR a']],
    ['17-17 a${0,2,n}x PTR a', ['a1.1x PTR a']],
    ['1-1 m$ MX "10 mail$"', ['m1 MX 10 mail1']],
    ['1-1 t$ 60 IN TXT "\\"a b $\\" c"', ['t1 60 TXT "a b 1" "c"']],
    ['1-1 @ ALIAS cdn$.example.net.', ['@ ALIAS cdn1.example.net.']],
  ])('%s', (template, expected) => {
    expect(linesOf(`$GENERATE ${template}`)).toEqual(linesOf(expected.join('\n')));
  });

  it.each([
    ['', 'cut short'],
    ['1-2 h$ A', 'cut short'],
    ['2-1 h$ A 10.0.0.$', 'START-STOP or START-STOP/STEP is expected'],
    ['1-2/0 h$ A 10.0.0.$', 'START-STOP or START-STOP/STEP is expected'],
    ['1-2147483648 h$ A 10.0.0.$', 'START-STOP'],
    ['0-65536 h$ A 10.0.0.1', 'stands for 65537 records: at most 65536'],
    ['1-2 h${x} A 10.0.0.1', '${OFFSET,WIDTH,BASE} is expected'],
    ['1-2 h${0,1,q} A 10.0.0.1', '${OFFSET,WIDTH,BASE} is expected'],
    ['1-2 h${0 A 10.0.0.1', '${OFFSET,WIDTH,BASE} is expected'],
    ['1-2 h${0,999} A 10.0.0.1', '${OFFSET,WIDTH,BASE} is expected'],
    ['1-2 ${${0} A 10.0.0.1', '${OFFSET,WIDTH,BASE} is expected'],
    ['1-2 h${-2} A 10.0.0.1', 'comes to the number -1'],
    ['255-256 h$ A 10.0.0.$', 'A address: got "10.0.0.256"'],
  ])('refuses %s', (template, message) => {
    expect(() => linesOf(`\n$GENERATE ${template}`)).toThrow(ZoneFileError);
    expect(() => linesOf(`\n$GENERATE ${template}`)).toThrow(/^zone:2: /);
    expect(() => linesOf(`\n$GENERATE ${template}`)).toThrow(message);
  });

  it('stands for a bounded number of records in one file', () => {
    const text = '$GENERATE 0-65535 h$ A 10.0.0.1\n'.repeat(16);
    let count = 0;
    const readAll = () => {
      for (const _ of readZoneFile(text, options)) count++;
    };
    expect(readAll).toThrow('zone:16: the $GENERATE lines stand for over 1000000 records');
    expect(count).toBe(1_000_000);
  });

  it('stands for a bounded number of characters in one file', () => {
    const text = `$GENERATE 0-65535 h$ TXT ${'"'.concat('x'.repeat(250), '" ').repeat(100)}\n`;
    let octets = 0;
    const readAll = () => {
      for (const { rdata } of readZoneFile(text, options)) octets += rdata.length;
    };
    expect(readAll).toThrow('zone:1: the $GENERATE lines stand for over 67108864 characters');
    expect(octets).toBeLessThan(68_000_000);
  });
});

describe('the zone of a file', () => {
  it('is the origin given, else the owner of the SOA, else the first $ORIGIN', () => {
    const soa = 'SOA a. b. 1 2 3 4 5\n';
    const originOf = (text: string, origin?: string) =>
      formatName(parseZoneFile(text, { origin, defaultTtl: 1 }).origin);
    expect(originOf(`@ ${soa}`, 'example.com')).toBe('example.com.');
    expect(originOf(`$ORIGIN com.\nexample ${soa}`)).toBe('example.com.');
    expect(originOf('$ORIGIN com.\n$ORIGIN example\n@ A 192.0.2.1')).toBe('com.');
    expect(() => parseZoneFile('a. 5 A 192.0.2.1', { file: 'f' })).toThrow(/^f: nothing names the zone/);
    expect(() => parseZoneFile('', { origin: 'a..b' })).toThrow(NameError);
  });

  it('holds names at or below it alone', () => {
    expect(() => linesOf('a A 192.0.2.1\nexample.net. A 192.0.2.1')).toThrow(
      'zone:2: example.net. lies outside the zone: a name at or below example.com. is expected',
    );
  });

  it('has one SOA; the same once more, as a dump of a transfer has it, is left out', () => {
    const soa = '@ SOA a. b. 1 2 3 4 5\n';
    expect(linesOf(soa + soa).length).toBe(1);
    expect(() => linesOf(`${soa}\n@ SOA a. b. 2 2 3 4 5`)).toThrow(
      'zone:3: a second SOA record, the first one stands on line 1',
    );
  });
});

describe('errors name file, line, and what was expected', () => {
  it.each([
    ['a A 1.2.3\n', 'zone:1: A address: got "1.2.3": an IPv4 address such as 192.0.2.1 is expected'],
    [
      '\n\n  A 1.2.3.4',
      'zone:3: the line begins with white space and no record stands before it: an owner name is expected',
    ],
    ['a', 'zone:1: nothing is there: a record type is expected'],
    ['a 60 IN', 'zone:1: nothing is there: a record type is expected'],
    ['a BOGUS x', 'zone:1: got "BOGUS": a record type such as A, MX, ALIAS or TYPE65400 is expected'],
    ['a 1x A 1.2.3.4', 'zone:1: got the TTL "1x"'],
    ['a 2147483648 A 1.2.3.4', 'zone:1: got the TTL "2147483648": a number of seconds from 0 to 2147483647'],
    ['a CH A 1.2.3.4', 'zone:1: got the class CH: IN, once or not at all, is expected'],
    ['a IN IN A 1.2.3.4', 'zone:1: got the class IN'],
    ['a CLASS3 TXT x', 'zone:1: got the class CLASS3'],
    ['a AXFR x', 'zone:1: AXFR is a type of queries and messages'],
    ['a ANY x', 'zone:1: ANY is a type of queries and messages'],
    ['a TYPE0 \\# 0', 'zone:1: TYPE0 is a type of queries'],
    ['a OPT \\# 0', 'zone:1: OPT is a type of queries'],
    ['a TYPE65400 x', 'zone:1: TYPE65400 data is taken in its generic form alone'],
    ['a..b A 1.2.3.4', 'zone:1: name "a..b" has an empty label'],
    [`${'x'.repeat(64)} A 1.2.3.4`, 'a label over 63 octets'],
    ['a ALIAS', 'zone:1: nothing is there: the name of the target is expected'],
    ['a ALIAS b c', 'zone:1: ALIAS: "c" is left over'],
    ['a ALIAS b..c', 'zone:1: ALIAS target: name "b..c" has an empty label'],
    [
      `a TXT "${'x'.repeat(256)}"`,
      'zone:1: TXT text: a character-string of 256 octets: at most 255 are allowed',
    ],
    ['a TXT "x\ny"', 'zone:1: a quote is not closed'],
    ['a TXT "x\\\ny"', 'zone:1: a quote is not closed'],
    ['a TXT x\\\n', 'zone:1: a backslash ends the line'],
    ['a A 1.2.3.4\nb TXT (\nx\n', 'zone:2: a parenthesis is opened and not closed'],
    ['a A 1.2.3.4 )', 'zone:1: a parenthesis is closed that was not opened'],
    ['@ SOA a b (\n1\n2\n3x\n4\n5 )', 'zone:4: SOA retry: got "3x"'],
    ['$ORIGIN', 'zone:1: nothing is there: a name is expected'],
    ['$ORIGIN a b', 'zone:1: "b" is left over behind $ORIGIN'],
    ['$TTL x', 'zone:1: got the TTL "x"'],
    ['$BOGUS', 'zone:1: "$BOGUS" is unknown: $ORIGIN, $TTL or $GENERATE is expected'],
    ['"a" A 1.2.3.4', 'zone:1: got "a" in quotes: an owner name without quotes is expected'],
  ])('%j', (text, message) => {
    expect(() => linesOf(text)).toThrow(ZoneFileError);
    expect(() => linesOf(text)).toThrow(message);
  });

  it('wants an origin for every relative name', () => {
    const given = { file: 'zone', defaultTtl: 60 };
    const hint = /^zone:2: .*has no final dot.*, or a line \$ORIGIN before$/;
    expect(() => parseZoneFile('\nwww A 192.0.2.1', given)).toThrow(hint);
    expect(() => parseZoneFile('\na. MX 10 mail', given)).toThrow(hint);
    expect(() => parseZoneFile('\na. ALIAS cdn', given)).toThrow(hint);
    expect(() => parseZoneFile('@ A 192.0.2.1', given)).toThrow(/or a line \$ORIGIN before$/);
    expect(() => parseZoneFile('a. MX 10 @', given)).toThrow(/or a line \$ORIGIN before$/);
  });
});

describe('printing', () => {
  it('writes one absolute record a line', () => {
    const { records } = parseZoneFile('@ 5 MX 10 mail\n  TXT "a b"\n', options);
    expect(formatZoneFile(records)).toBe(
      'example.com. 5 IN MX 10 mail.example.com.\nexample.com. 5 IN TXT "a b"\n',
    );
    expect(formatZoneFile([])).toBe('');
  });

  it('writes every type so that it is read again as the same', () => {
    const records = everyType
      .filter(([type]) => typeFromText(type) !== TYPE.SOA)
      .map(([typeText, text], index) => {
        const type = typeFromText(typeText)!;
        return { name: parseName(`n${index}.example.com.`), type, ttl: index, rdata: parseRdata(type, text) };
      });
    const printed = formatZoneFile(records);
    expect(parseZoneFile(printed, options).records).toMatchObject(records);
    expect(formatZoneFile(parseZoneFile(printed, options).records)).toBe(printed);
  });

  it('writes any name and text so that they are read again as the same', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 20 });
    const record = fc.record({
      labels: fc.array(label, { maxLength: 3 }),
      ttl: fc.integer({ min: 0, max: 0x7fffffff }),
      data: fc.oneof(
        fc.uint8Array({ maxLength: 255 }).map((text) => ({
          type: TYPE.TXT,
          rdata: Buffer.concat([Buffer.from([text.length]), text]),
        })),
        fc
          .array(label, { maxLength: 3 })
          .map((labels) => ({ type: 'ALIAS' as const, rdata: wire(labels, '.') })),
        fc.array(label, { maxLength: 3 }).map((labels) => ({ type: TYPE.CNAME, rdata: wire(labels, '.') })),
        fc.uint8Array({ maxLength: 50 }).map((bytes) => ({ type: 65400, rdata: Buffer.from(bytes) })),
      ),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), (parts) => {
        const records = parts.map(({ labels, ttl, data }) => ({
          name: wire(labels, 'example.com.'),
          ttl,
          ...data,
        }));
        expect(parseZoneFile(formatZoneFile(records), options).records).toMatchObject(records);
      }),
    );
  });

  it('reads whatever it is given, or refuses it with a line', () => {
    const pieces = fc.constantFrom(
      'a',
      'A',
      '1.2.3.4',
      ' ',
      '\n',
      '(',
      ')',
      '"',
      '\\',
      ';',
      '$TTL',
      '$GENERATE',
      '1-2',
      '60',
      'TXT',
      '@',
      '$',
      '\r\n',
      'é',
      '=',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (words) => {
        try {
          parseZoneFile(words.join(''), options);
          parseZoneFile(words.join(' '), options);
        } catch (error) {
          expect(error).toBeInstanceOf(ZoneFileError);
          expect(String((error as Error).message)).toMatch(/^zone:\d+: [^\n]+$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function wire(labels: Uint8Array[], suffix: string): Buffer {
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([...parts, parseName(suffix)]);
}
