import type { JournalStep, PublishedZone } from '../../zone/version.ts';

/** Octets of a version's records, SOA and compression left out. */
export interface Size {
  /** Undefined: not known yet. */
  readonly serial: number | undefined;
  /** At least so many; where `isWhole` just so many. */
  readonly bytes: number;
  readonly isWhole: boolean;
}

/** How large zones are whose versions are not kept. A change says by how much, so that nothing is read to know it of the next version. */
export class Measured {
  readonly #sizes = new Map<string, Size>();

  of(zoneId: string): Size | undefined {
    return this.#sizes.get(zoneId);
  }

  forget(): void {
    this.#sizes.clear();
  }

  set(zoneId: string, size: Size): void {
    if (this.#sizes.size >= MOST && !this.#sizes.has(zoneId)) this.#sizes.clear();
    this.#sizes.set(zoneId, size);
  }

  /**
   * The size of a version where it was measured, or follows from `steps` and what they begin at: that was measured, or is `kept`.
   */
  after(zone: PublishedZone, steps: readonly JournalStep[], kept: Size | undefined): Size | undefined {
    const measured = this.#sizes.get(zone.zoneId);
    if (measured?.serial === zone.serial) return measured;
    const from = steps[0]?.fromSerial;
    if (from === undefined) return undefined;
    const before = [kept, measured].find((size) => size?.serial === from);
    if (before === undefined) return undefined;
    let { bytes } = before;
    for (const { added, deleted } of steps) bytes += added.length - deleted.length;
    const size = { serial: zone.serial, bytes, isWhole: before.isWhole };
    this.set(zone.zoneId, size);
    return size;
  }
}

/** Zones, some hundred octets each. */
const MOST = 200_000;
