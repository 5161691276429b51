import { expect, test } from 'vitest';
import { formatRdata } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import { catalogRecords, fixedNamesOf, memberLabel, memberOwner } from '../../src/zone/catalog.ts';

const LABEL = '0123456789abcdef0123456789abcdef';

test('a catalog is an NS that nobody asks, the version "2" and a PTR a member (RFC 9432, sections 4.1 and 4.2)', () => {
  const names = [...fixedNamesOf('cat.test.'), memberOwner(LABEL, 'cat.test.')];
  const records = names.flatMap((name) => catalogRecords('cat.test.', name, 'example.com.'));
  expect(records.map(({ name, ttl, type, content }) => `${name} ${ttl} ${type} ${content}`)).toEqual([
    'cat.test. 0 NS invalid.',
    'version.cat.test. 0 TXT "2"',
    `${LABEL}.zones.cat.test. 0 PTR example.com.`,
  ]);
  expect(records[1] && formatRdata(TYPE.TXT, records[1].rdata)).toBe('"2"');
});

test('a name whose zone is no member publishes nothing', () => {
  expect(catalogRecords('cat.test.', memberOwner(LABEL, 'cat.test.'), undefined)).toEqual([]);
});

test('labels are read from the names of members alone', () => {
  expect(memberLabel(memberOwner(LABEL, 'cat.test.'), 'cat.test.')).toBe(LABEL);
  for (const owner of [
    '',
    'cat.test.',
    'version.cat.test.',
    `group.${LABEL}.zones.cat.test.`,
    `${LABEL}.zones.dog.test.`,
    `${LABEL}xzones.cat.test.`,
    'www.zones.cat.test.',
  ])
    expect(memberLabel(owner, 'cat.test.')).toBeUndefined();
});
