import { describe, expect, it } from 'vitest';
import { isMetaType, rcodeToText, TYPE, typeFromText, typeToText } from '../../src/dns/types.ts';

describe('record types', () => {
  it('are read by mnemonic or number in any case (RFC 3597, 5)', () => {
    expect(['A', 'aaaa', 'Https', 'TYPE1', 'type65400', 'TYPE0', 'TYPE65535'].map(typeFromText)).toEqual([
      1, 28, 65, 1, 65400, 0, 65535,
    ]);
    for (const text of [
      '',
      'ALIAS',
      'TYPE',
      'TYPE65536',
      'TYPE01',
      'TYPE-1',
      'TYPE1.5',
      '1',
      'constructor',
      '__proto__',
    ]) {
      expect(typeFromText(text)).toBeUndefined();
    }
  });

  it('are written by mnemonic, or by number where there is none', () => {
    expect([1, 257, 65400, 0].map(typeToText)).toEqual(['A', 'CAA', 'TYPE65400', 'TYPE0']);
    for (const [text, number] of Object.entries(TYPE))
      expect(typeFromText(typeToText(number))).toBe(TYPE[text as 'A']);
  });

  it('RFC 6895, 3.1: OPT, the query types and the reserved 0 are in no zone', () => {
    const meta = [
      0,
      TYPE.OPT,
      128,
      TYPE.TKEY,
      TYPE.TSIG,
      TYPE.IXFR,
      TYPE.AXFR,
      TYPE.MAILB,
      TYPE.MAILA,
      TYPE.ANY,
    ];
    expect(meta.filter((type) => !isMetaType(type))).toEqual([]);
    expect([TYPE.A, TYPE.SPF, 127, TYPE.URI, 65400].filter(isMetaType)).toEqual([]);
  });

  it('names response codes', () => {
    expect([0, 5, 9, 23].map(rcodeToText)).toEqual(['NOERROR', 'REFUSED', 'NOTAUTH', 'RCODE23']);
  });
});
