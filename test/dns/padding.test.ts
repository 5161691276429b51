import fc from 'fast-check';
import { expect, it } from 'vitest';
import { paddingOctets, REPLY_BLOCK } from '../../src/dns/padding.ts';

it('RFC 8467, 4.1: replies are whole blocks of 468 octets', () => {
  expect(REPLY_BLOCK).toBe(468);
  expect([0, 100, 463, 464, 465, 932].map((octets) => paddingOctets(octets, 65_535))).toEqual([
    464, 364, 1, 0, 467, 0,
  ]);
});

it('RFC 7830, 4: and never longer than a message may be', () => {
  // 140 blocks are 65,520 octets.
  expect([65_516, 65_517, 65_531, 65_532].map((octets) => paddingOctets(octets, 65_535))).toEqual([
    0,
    14,
    0,
    undefined,
  ]);
  fc.assert(
    fc.property(fc.nat(65_600), (octets) => {
      const padding = paddingOctets(octets, 65_535);
      if (padding === undefined) return octets > 65_531;
      const whole = octets + 4 + padding;
      return whole <= 65_535 && (whole % REPLY_BLOCK === 0 || whole === 65_535);
    }),
  );
});
