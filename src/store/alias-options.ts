import type { AliasOptions } from '../zone/record.ts';

/** The options of an ALIAS in a row of `records`, as JSON: an AliasOptions; null for any other type. */
export function aliasOptions(table: string): string {
  return `case when ${table}.type = 'ALIAS' then jsonb_build_object('answers', ${table}.answers,
    'fallback', array(select host(address) from unnest(${table}.fallback) as address), 'debugTxt', ${table}.debug_txt) end`;
}

/** What is given of them, in the order of the columns `answers`, `fallback` and `debug_txt`. */
export function optionValues(options: Partial<AliasOptions> = {}): unknown[] {
  return [options.answers, options.fallback, options.debugTxt];
}
