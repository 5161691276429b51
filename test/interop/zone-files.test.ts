// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${…} is the notation of $GENERATE
import { expect, test } from 'vitest';
import { parseZoneFile } from '../../src/dns/zonefile/index.ts';
import { everyType } from '../dns/rdata.examples.ts';
import { comparable, readByNamed } from '../support/named-zone.ts';

const HEAD = '$TTL 300\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n';

/** BIND 9.18 does not know this key by its name. */
const YOUNG = / ohttp /;

test.each([
  [
    'every type',
    everyType.flatMap(([type, words], index) =>
      YOUNG.test(words) || type === 'SOA' ? [] : [`t${index} ${type} ${words}`],
    ),
  ],
  [
    '$GENERATE',
    [
      '$GENERATE 1-30/7 h${0,3,x} A 192.0.2.$',
      '$GENERATE 17-17 a${0,8,n}x PTR a$',
      '$GENERATE 17-18 b${0,7,n}x PTR a$',
      '$GENERATE 17-18 c${0,0,n}x PTR a$',
      '$GENERATE 17-18 d${0,2,N}x PTR a$',
      '$GENERATE 171-171 e${0,4,N}x MX "10 mail$"',
      '$GENERATE 1-3 f$ TXT "a b $"',
      '$GENERATE 1-3 g$ 77 IN TXT "\\"a b $\\" c"',
      '$GENERATE 1-2 i\\$j$ TXT $$$',
      '$GENERATE 5-7 k${-5} CNAME @ ; a comment',
    ],
  ],
  [
    'white space, parentheses and comments',
    [
      'a ( A\n 192.0.2.1\n)',
      '( b A 192.0.2.1 )',
      'c (77 IN) A (192.0.2.1)',
      'd A ( ; )\n192.0.2.1 ; ) \n )',
      'e A 192.0.2.1\n\tA 192.0.2.2\n \t A 192.0.2.3;x',
      'f\tin\tA\t192.0.2.1\r',
      `g TLSA 3 1 1 (${'ab'.repeat(16)}\n ${'AB'.repeat(16)})`,
    ],
  ],
  [
    'origins, TTLs and classes',
    [
      'a A 192.0.2.1\n$ORIGIN sub\n  A 192.0.2.9\ny A 192.0.2.2\n$ORIGIN .\nz.example.com A 192.0.2.3',
      '$ORIGIN b.example.com.\n$ttl 1h\nx A 192.0.2.1\n$TTL 2d\ny 30 A 192.0.2.1\nw A 192.0.2.2',
      'c 1h30m A 192.0.2.1\nd 1W2D IN A 192.0.2.1\ne class1 0 a 192.0.2.1\nA A 192.0.2.1\nIN A 192.0.2.1\n5 A 192.0.2.1',
    ],
  ],
  [
    'escapes and strings',
    [
      'a\\.b A 192.0.2.1\nc\\032d A 192.0.2.1\n\\@ A 192.0.2.2\n\\$ A 192.0.2.3\ne\\"f A 192.0.2.1\n\\; A 192.0.2.1',
      '\\( A 192.0.2.4\n\\\\ A 192.0.2.1\n\\255 A 192.0.2.1\n\\000 A 192.0.2.1\n*.x A 192.0.2.1',
      't TXT a b "c" "d""e"f"g"\nt TXT "a;b" c;d\nt TXT a\\;b "\\"" \\"\nt TXT "" "a\\\\" \\097\\098 "é" "a\tb" "\\# 1"',
      'u TYPE1 \\# 4 c0000201\nu MX \\# 5 000a 01 61 00\nu TYPE65400 \\# 0\nv SRV \\# 9 000100020003016100',
    ],
  ],
] as const)('%s: the same as BIND reads', { timeout: 120_000 }, async (_what, lines) => {
  const text = `${HEAD}${lines.join('\n')}\n`;
  const { records } = parseZoneFile(text, { origin: 'example.com.' });
  const ours = records.map(({ name, type, ttl, rdata }) => comparable(name, type as number, ttl, rdata));
  const theirs = await readByNamed('example.com.', text);
  expect(typeof theirs === 'string' ? theirs : [...theirs].sort()).toEqual([...new Set(ours)].sort());
});
