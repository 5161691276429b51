import { describe, expect, test } from 'vitest';
import { play } from './play.ts';
import { ADDRESSES } from './table/addresses.ts';
import { DENIED } from './table/denied.ts';
import { FAILED } from './table/failed.ts';
import { FORCED } from './table/forced.ts';
import { FOUND } from './table/found.ts';
import { ROTATING } from './table/rotating.ts';
import { TTL } from './table/ttl.ts';

// The decision, a row each: what was seen, and what comes of it. docs/aliases.md has the table for people.

describe.each([
  ['found', FOUND],
  ['TTL', TTL],
  ['failed', FAILED],
  ['denied', DENIED],
  ['rotating', ROTATING],
  ['forced', FORCED],
  ['addresses', ADDRESSES],
] as const)('%s', (_, rows) => {
  test.each(rows.map((row) => [row.name, row] as const))('%s', (_name, row) => {
    const { state, stable, dueAt, news } = play(row.looks, row.policy);
    const { a, aaaa } = state;
    if (row.a) expect(a.addresses).toEqual(row.a);
    if (row.aaaa) expect(aaaa.addresses).toEqual(row.aaaa);
    if (row.exact) expect(a.exact).toEqual(row.exact);
    if (row.serials !== undefined) expect(stable).toBe(row.serials);
    if (row.ttl !== undefined) expect(a.ttl).toBe(row.ttl);
    if (row.due !== undefined) expect(dueAt).toBe(row.due);
    if (row.answered !== undefined) expect(state.answered).toBe(row.answered);
    if (row.stale !== undefined) expect(a.stale === true).toBe(row.stale);
    if (row.news) expect(news.join('\n')).toMatch(row.news);
  });
});
