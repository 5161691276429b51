import type { QueryConfig } from 'pg';

/** One state of one lease: another text at each renewal. */
export interface LeaseVersion {
  id: string;
  version: string;
}

/** Compared by equality alone: the clock of the database may be set at any time. */
const VERSION = `xmin::text || ' ' || extract(epoch from lease_until)::text`;

/** Every lease as it stands now. */
export function readLeases(): QueryConfig {
  return { name: 'read leases', text: `select id, ${VERSION} as version from transfer_leases` };
}

/** A condition for those leases that are not among the given ones, which are two lists: the parameters `ids` and `versions`. */
export function isNotAmong(ids: string, versions: string): string {
  return `(id, ${VERSION}) not in (select * from unnest(${ids}::text[], ${versions}::text[]))`;
}

/**
 * For how long leases have stood unrenewed, by this process's own steady clock. Whoever holds a lease counts it from before it asked for
 * the renewal, so one that was seen unchanged for its whole length is over for its holder too, whatever the database's clock did.
 */
export class LeaseWatch {
  #seen = new Map<string, { version: string; since: number; lastAsked: number }>();

  /** To be called at once with what `readLeases` gave. `askedAt`: milliseconds of `performance.now()` before it was asked. */
  saw(leases: readonly LeaseVersion[], askedAt: number): void {
    const now = performance.now();
    this.#seen = new Map(
      leases.map(({ id, version }) => {
        const before = this.#seen.get(id);
        const since = before?.version === version ? before.since : now;
        return [id, { version, since, lastAsked: askedAt }];
      }),
    );
  }

  /** Those that stood unchanged for `ms` at least. */
  unrenewedFor(ms: number): LeaseVersion[] {
    return [...this.#seen]
      .filter(([, { since, lastAsked }]) => lastAsked - since >= ms)
      .map(([id, { version }]) => ({ id, version }));
  }
}
