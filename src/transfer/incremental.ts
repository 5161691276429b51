import { TYPE } from '../dns/types.ts';
import { type JournalStep, type PublishedZone, packRecords } from '../zone/version.ts';

/**
 * The packed records of an incremental answer in order (RFC 1995, 4): the new SOA, then for each step the old SOA, what
 * went, the next SOA, what came, and the new SOA once more.
 */
export function* composeIncremental(zone: PublishedZone, steps: readonly JournalStep[]): Generator<Buffer> {
  const soa = (ttl: number, rdata: Buffer): Buffer =>
    packRecords([{ name: zone.nameWire, type: TYPE.SOA, ttl, rdata }]);
  yield soa(zone.soaTtl, zone.soa);
  for (const step of steps) {
    yield soa(step.oldSoaTtl, step.oldSoa);
    yield step.deleted;
    yield soa(step.newSoaTtl, step.newSoa);
    yield step.added;
  }
  yield soa(zone.soaTtl, zone.soa);
}

/**
 * Whether the steps lead from the client's serial to the version served without a gap, the last of them to its very
 * SOA. BIND and NSD fail for good on a history that starts elsewhere.
 */
export function isConnected(zone: PublishedZone, from: number, steps: readonly JournalStep[]): boolean {
  let serial = from;
  let previous: JournalStep | undefined;
  for (const step of steps) {
    if (step.fromSerial !== serial) return false;
    if (previous !== undefined && !isSameSoa(previous, step.oldSoa, step.oldSoaTtl)) return false;
    serial = step.toSerial;
    previous = step;
  }
  return serial === zone.serial && previous !== undefined && isSameSoa(previous, zone.soa, zone.soaTtl);
}

/**
 * Octets of a history, to be compared with those of the zone's records. Both are counted without compression and
 * without the SOAs that every such answer has: the first and the last, and those of one step.
 */
export function historyBytes(zone: PublishedZone, steps: readonly JournalStep[]): number {
  let bytes = 0;
  for (const step of steps) bytes += step.deleted.length + step.added.length;
  const soaBytes = zone.nameWire.length + 10 + zone.soa.length;
  return bytes + 2 * soaBytes * Math.max(0, steps.length - 1);
}

function isSameSoa(step: JournalStep, soa: Buffer, ttl: number): boolean {
  return step.newSoaTtl === ttl && step.newSoa.equals(soa);
}
