import { describe, expect, test } from 'vitest';
import { desiredRecords } from '../../src/zone/desired.ts';
import type { AliasOptions, FamilyAnswer, SourceRecord, TargetAnswer } from '../../src/zone/record.ts';

const family = (addresses: string[], more: Partial<FamilyAnswer> = {}): FamilyAnswer => ({
  addresses,
  exact: addresses,
  ttl: 60,
  stale: false,
  ...more,
});

function alias(options: Partial<AliasOptions> = {}, content = 'cdn.example.net.'): SourceRecord {
  const all: AliasOptions = { answers: 'stable', fallback: [], debugTxt: false, ...options };
  return {
    id: '1',
    owner: 'example.com.',
    name: 'example.com.',
    type: 'ALIAS',
    ttl: 300,
    content,
    options: all,
  };
}

function publishes(source: SourceRecord, answer: Partial<TargetAnswer>) {
  const whole = { answered: true, a: family([]), aaaa: family([]), ...answer };
  const { records, alias: row } = desiredRecords([source], [], () => whole);
  return { lines: records.map(({ ttl, type, content }) => `${ttl} ${type} ${content}`), held: row?.held };
}

describe('answers', () => {
  const answer = { a: family(['192.0.2.1'], { exact: ['192.0.2.9'] }) };
  test('stable ones are those that are kept', () => {
    expect(publishes(alias(), answer).lines).toEqual(['60 A 192.0.2.1']);
  });
  test('exact ones the last found', () => {
    expect(publishes(alias({ answers: 'exact' }), answer).lines).toEqual(['60 A 192.0.2.9']);
  });
});

describe('fallback', () => {
  const fallback = ['198.51.100.1', '2001:db8::f'];
  const stale = { stale: true };
  test('stands in for both families with the TTL of the ALIAS, and says so', () => {
    const answer = { a: family(['192.0.2.1'], stale), aaaa: family(['2001:db8::1'], stale) };
    expect(publishes(alias({ fallback }), answer)).toEqual({
      lines: ['300 A 198.51.100.1', '300 AAAA 2001:db8::f'],
      held: 'cdn.example.net. had no answer for MAX_STALE: the fallback addresses stand in',
    });
  });
  test('of one family takes the other away: nobody is sent to what is dead', () => {
    const answer = { a: family(['192.0.2.1'], stale), aaaa: family(['2001:db8::1'], stale) };
    expect(publishes(alias({ fallback: ['198.51.100.1'] }), answer).lines).toEqual(['300 A 198.51.100.1']);
  });
  test('stands in for a target that never answered', () => {
    const answer = { answered: false, a: family([], stale), aaaa: family([], stale) };
    expect(publishes(alias({ fallback }), answer).lines).toEqual([
      '300 A 198.51.100.1',
      '300 AAAA 2001:db8::f',
    ]);
  });
  test('stands in for the one family that has no answers', () => {
    const answer = { a: family(['192.0.2.1']), aaaa: family(['2001:db8::1'], stale) };
    expect(publishes(alias({ fallback }), answer).lines).toEqual(['60 A 192.0.2.1', '300 AAAA 2001:db8::f']);
  });
  test('but not for one that has nothing to replace', () => {
    const answer = { a: family(['192.0.2.1']), aaaa: family([], stale) };
    expect(publishes(alias({ fallback }), answer).lines).toEqual(['60 A 192.0.2.1']);
  });
  test('without any the last known addresses stay', () => {
    const answer = { a: family(['192.0.2.1'], stale), aaaa: family([], stale) };
    expect(publishes(alias(), answer).lines).toEqual(['60 A 192.0.2.1']);
  });
});

describe('debug TXT', () => {
  test('names the target beside the addresses, answered or not', () => {
    const text = '300 TXT "ALIAS for cdn.example.net."';
    const source = alias({ debugTxt: true }, 'CDN.example.net.');
    expect(publishes(source, { a: family(['192.0.2.1']) }).lines).toEqual(['60 A 192.0.2.1', text]);
    expect(publishes(source, { answered: false }).lines).toEqual([text]);
  });
  test('of a long name is split into strings', () => {
    const label = 'a'.repeat(60);
    const target = `${label}.${label}.${label}.${label}.example.`;
    const [line = ''] = publishes(alias({ debugTxt: true }, target), {}).lines;
    expect(line.split('" "').join('')).toBe(`300 TXT "ALIAS for ${target}"`);
    expect(line).toContain('" "');
  });
  test('of a name with quotes and backslashes is read back as it is', () => {
    const [line] = publishes(alias({ debugTxt: true }, 'a\\"b.example.'), {}).lines;
    expect(line).toBe('300 TXT "ALIAS for a\\\\\\"b.example."');
  });
  test('stands aside while a CNAME of before is kept', () => {
    const cname = {
      ...alias(),
      id: '5',
      type: 'CNAME',
      rdata: Buffer.from([0]),
      sourceRecordId: '7',
    };
    const { records } = desiredRecords([alias({ debugTxt: true })], [cname], () => undefined);
    expect(records.map((record) => record.type)).toEqual(['CNAME']);
  });
});
