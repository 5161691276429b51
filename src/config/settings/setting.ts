import type { Parser } from '../parsers.ts';

/** One setting of the environment: all that is known of it stands in one of the tables beside this. */
export interface Setting<T> extends Parser<T> {
  readonly name: string;
  /** The unit or form of the value, as `.env.example` shows it. */
  readonly unit: string;
  /** The text in force where the setting is unset or empty; undefined: see `unset`. */
  readonly default?: string;
  /** What holds while it is unset, for a setting without a default. */
  readonly unset?: string;
  readonly help: string;
  /** Further values that `.env.example` shows, each with what it is. */
  readonly examples?: readonly (readonly [value: string, what: string])[];
  /** The value is never to be shown whole. */
  readonly secret?: boolean;
}
