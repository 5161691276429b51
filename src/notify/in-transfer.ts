import type { Clock } from '../clock.ts';

/** Milliseconds after which a zone that was not seen counts as on its way no more: one that is stuck must not stop the others. */
const LONGEST = 30_000;

/** The zones on their way to each secondary: it answered their NOTIFY, and was not yet seen with them. */
export class InTransfer {
  readonly #clock: Clock;
  /** By secondary, then by zone the time it began; the oldest first. */
  readonly #begun = new Map<string, Map<string, number>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begins(secondaryId: string, zoneId: string): void {
    const zones = this.#begun.get(secondaryId) ?? new Map<string, number>();
    this.#begun.set(secondaryId, zones);
    this.#forgetOld(zones);
    zones.delete(zoneId);
    zones.set(zoneId, this.#clock.now());
  }

  /** It has the zone. */
  ends(secondaryId: string, zoneId: string): void {
    const zones = this.#begun.get(secondaryId);
    zones?.delete(zoneId);
    if (zones?.size === 0) this.#begun.delete(secondaryId);
  }

  /** How many are on their way to it, `zoneId` left out. */
  count(secondaryId: string, zoneId: string): number {
    const zones = this.#begun.get(secondaryId);
    if (zones === undefined) return 0;
    this.#forgetOld(zones);
    return zones.size - (zones.has(zoneId) ? 1 : 0);
  }

  #forgetOld(zones: Map<string, number>): void {
    const now = this.#clock.now();
    for (const [zoneId, at] of zones) {
      // a clock that was set back must not hold anything up
      if (at <= now && now - at < LONGEST) return;
      zones.delete(zoneId);
    }
  }
}
