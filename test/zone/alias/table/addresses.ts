import { found, nodata, ONE, SIX } from '../play.ts';
import { onlyA, type Row } from './row.ts';

export const ADDRESSES: Row[] = [
  {
    name: 'what leads nowhere is left out of a set',
    looks: [[0, onlyA([ONE, '127.0.0.1', '0.0.0.0', '169.254.1.1', '224.0.0.1', '255.255.255.255'])]],
    a: [ONE],
    news: /left out 127\.0\.0\.1 \(loopback\), 0\.0\.0\.0 \(unspecified\)/,
  },
  {
    name: 'so is what is no address at all',
    looks: [[0, onlyA([ONE, 'nonsense'])]],
    a: [ONE],
    news: /left out nonsense \(no address\)/,
  },
  {
    name: 'in IPv6, and in IPv6 clothes',
    looks: [[0, { a: nodata, aaaa: found(['::', '::1', 'fe80::1', 'ff02::1', '::ffff:127.0.0.1', SIX]) }]],
    aaaa: [SIX],
  },
  {
    name: 'a set with none left is a failure, not an empty answer',
    looks: [
      [0, onlyA(ONE)],
      [300, onlyA('127.0.0.1')],
    ],
    a: [ONE],
    serials: 1,
  },
  {
    name: 'private ones are published',
    looks: [[0, { a: found(['10.0.0.1', '100.64.0.1']), aaaa: found('fd00::1') }]],
    a: ['10.0.0.1', '100.64.0.1'],
    aaaa: ['fd00::1'],
  },
  {
    name: 'unless PUBLISH_PRIVATE=off',
    looks: [
      [
        0,
        {
          a: found(['10.0.0.1', '172.16.0.1', '172.32.0.1', '192.168.1.1', '100.127.0.1']),
          aaaa: found(['fd00::1', '::ffff:10.0.0.1', SIX]),
        },
      ],
    ],
    policy: { publishPrivate: false },
    a: ['172.32.0.1'],
    aaaa: [SIX],
  },
  {
    name: 'those for documentation not with PUBLISH_DOCUMENTATION=off',
    looks: [
      [0, { a: found(['198.51.100.1', '203.0.113.1', ONE, '9.9.9.9']), aaaa: found([SIX, '3fff::1']) }],
    ],
    policy: { publishDocumentation: false },
    a: ['9.9.9.9'],
    aaaa: [],
  },
];
