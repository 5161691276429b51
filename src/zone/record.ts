/** A row of `records`: what the operator wrote. `owner` is `name` in lower case; both absolute, in presentation format. */
export interface SourceRecord {
  id: string;
  owner: string;
  name: string;
  /** A mnemonic, `TYPEnnn`, or `ALIAS`. */
  type: string;
  /** Seconds. */
  ttl: number;
  content: string;
  /** Of an ALIAS; null or absent: the usual ones. */
  options?: AliasOptions | null;
}

/** What an ALIAS may say beyond its target. */
export interface AliasOptions {
  /** `stable`: what is published stays while a rotating target keeps giving it; `exact`: each answer is published. */
  answers: 'stable' | 'exact';
  /** Addresses that stand in once the target had no answer for MAX_STALE. */
  fallback: string[];
  /** Whether a TXT beside the addresses names the target. */
  debugTxt: boolean;
}

export const USUAL_OPTIONS: AliasOptions = { answers: 'stable', fallback: [], debugTxt: false };

/** Those of an ALIAS that are not the usual ones; none of any other type. */
export function unusualOptions(options: AliasOptions | null): Partial<AliasOptions> {
  if (!options) return {};
  const { answers, fallback, debugTxt } = options;
  return {
    ...(answers === USUAL_OPTIONS.answers ? {} : { answers }),
    ...(fallback.length === 0 ? {} : { fallback }),
    ...(debugTxt ? { debugTxt } : {}),
  };
}

/** A record as secondaries get it, before it has a row. */
export interface ServedRecord {
  owner: string;
  name: string;
  type: string;
  ttl: number;
  content: string;
  /** Wire form, uncompressed. */
  rdata: Buffer;
  /** The row of `records` that it came from; an ALIAS's for its addresses; null in a catalog, which has none. */
  sourceRecordId: string | null;
}

/** A row of `transfer_records`: what secondaries get now. */
export interface PublishedRecord extends ServedRecord {
  id: string;
}

/** What an ALIAS's target is known to answer; addresses in canonical text. TTLs in seconds. */
export interface TargetAnswer {
  /** False until a first answer counts: then the addresses say nothing. */
  answered: boolean;
  /** Why an ALIAS publishes this in the place of its target's own answer. */
  held?: string;
  a: FamilyAnswer;
  aaaa: FamilyAnswer;
}

export interface FamilyAnswer {
  /** For aliases with `stable` answers, and for those with `exact` ones. */
  addresses: string[];
  exact: string[];
  ttl: number;
  /** True where fallback addresses are to stand in. */
  stale: boolean;
}
