import type { AliasPolicy } from '../../../../src/zone/alias/policy.ts';
import type { Seen } from '../../../../src/zone/alias/seen.ts';
import { failed, found, nodata, nxdomain, type Played, SIX } from '../play.ts';

/** What was seen, and what comes of it. */
export interface Row {
  name: string;
  looks: Played[];
  policy?: Partial<AliasPolicy>;
  /** What is published in the end, and the serials that it took. */
  a?: string[] | undefined;
  aaaa?: string[];
  serials?: number;
  /** What aliases with `exact` answers publish in the end. */
  exact?: string[];
  ttl?: number;
  /** The second of the next look. */
  due?: number;
  answered?: boolean;
  stale?: boolean;
  news?: RegExp;
}

export const both = (a: string, aaaa = SIX) => ({ a: found(a), aaaa: found(aaaa) });
export const onlyA = (a: string | string[], ttl = 300) => ({ a: found(a, ttl), aaaa: nodata });
export const neither = { a: nxdomain, aaaa: nxdomain };
export const broken = { a: failed, aaaa: failed };
export const by = (resolver: string, ttl: number): Seen => ({ kind: 'nodata', resolver, ttl });

export function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, at) => from + at * step);
}

export function repeat<T>(items: readonly T[], times: number): T[] {
  return Array.from({ length: times }, () => items).flat();
}
