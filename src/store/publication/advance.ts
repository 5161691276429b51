import { withSerial } from '../../dns/rdata/index.ts';
import { isNewer } from '../../dns/serial.ts';
import { type Change, changeId, newChange } from '../../trace.ts';
import { firstSerial, type SerialPolicy, serialAfter } from '../../zone/serial-policy.ts';
import { soaDiffers, soaRdata } from '../../zone/soa.ts';
import type { LockedZone, Origin } from './read.ts';

const JOURNAL_STEP_MAX = 64 * 1024 * 1024; // a larger changeset is not kept: secondaries take the zone whole

const MOST_JOINED = 20; // further changes that are named with one version

/** What a zone loses and gains in this transaction, summed up over slices of its names. */
export interface ZoneDelta {
  deleted: Buffer[];
  added: Buffer[];
  deletedCount: number;
  addedCount: number;
}

/** A zone's step from one version to the next. */
export interface Advance {
  zoneId: string;
  /** Undefined: the first version, which has no changeset. */
  from: { serial: number; soa: Buffer; soaTtl: number } | undefined;
  serial: number;
  soa: Buffer;
  soaTtl: number;
  recordCount: number;
  /** Wire form of what went and came; undefined: too large to keep, the chain begins anew after it. */
  deleted: Buffer | undefined;
  added: Buffer | undefined;
  deletedCount: number;
  addedCount: number;
  /** Why, as the JSON that its marks carried. */
  causes: ReadonlySet<string>;
  /** By what the version is followed, and the ids of others that went into it. */
  change: Change;
  joined: readonly string[];
}

/** The zone's next version; undefined where nothing differs. `now` in milliseconds since the epoch. */
export function advance(
  zone: LockedZone,
  delta: ZoneDelta | undefined,
  origin: Origin | undefined,
  options: { serialPolicy: SerialPolicy; now: number },
): Advance | undefined {
  const unchanged =
    zone.publishedSoa &&
    zone.publishedSerial !== undefined &&
    !delta &&
    !soaDiffers(zone.publishedSoa, soaRdata(zone, zone.publishedSerial)) &&
    zone.publishedSoaTtl === zone.soaTtl &&
    !(zone.serialPinned && isNewer(zone.serial, zone.publishedSerial));
  if (unchanged) return undefined;
  const serial = nextSerialOf(zone, zone.serialPolicy ?? options.serialPolicy, options.now);
  const from =
    zone.publishedSoa && zone.publishedSerial !== undefined
      ? {
          serial: zone.publishedSerial,
          soa: withSerial(zone.publishedSoa, zone.publishedSerial),
          soaTtl: zone.publishedSoaTtl,
        }
      : undefined;
  const [change = newChange(), ...joined] = origin?.changes.values() ?? [];
  const deleted = delta?.deleted ?? [];
  const added = delta?.added ?? [];
  const small = [...deleted, ...added].reduce((sum, bytes) => sum + bytes.length, 0) <= JOURNAL_STEP_MAX;
  return {
    zoneId: zone.id,
    from,
    serial,
    soa: soaRdata(zone, serial),
    soaTtl: zone.soaTtl,
    recordCount: zone.recordCount + (delta?.addedCount ?? 0) - (delta?.deletedCount ?? 0),
    deleted: small ? Buffer.concat(deleted) : undefined,
    added: small ? Buffer.concat(added) : undefined,
    deletedCount: delta?.deletedCount ?? 0,
    addedCount: delta?.addedCount ?? 0,
    causes: origin?.causes ?? new Set(),
    change,
    joined: joined.slice(0, MOST_JOINED).map(changeId),
  };
}

function nextSerialOf(zone: LockedZone, policy: SerialPolicy, now: number): number {
  if (zone.publishedSerial === undefined)
    return zone.serialPinned ? zone.serial : firstSerial(zone.serial, policy, now);
  if (zone.serialPinned && isNewer(zone.serial, zone.publishedSerial)) return zone.serial;
  return serialAfter(zone.publishedSerial, policy, now);
}
