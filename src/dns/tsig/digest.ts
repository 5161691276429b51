/** What a TSIG's MAC is computed over (RFC 8945, 4.3). */
import { createHmac, createSecretKey, type Hmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { canonicalName } from '../name.ts';
import { CLASS_ANY } from '../types.ts';
import { TSIG_ALGORITHMS, type TsigKey } from './algorithm.ts';
import type { TsigRecord } from './record.ts';

/** Seconds that our clock and a peer's may be apart (RFC 8945, 10, recommends 300). */
export const FUDGE = 300;

/** Begins a digest; `priorMac` is the request's MAC or that of the message before (4.3.1, 5.3.1). */
export function startDigest(key: TsigKey, priorMac: Buffer | undefined): Hmac {
  const hmac = createHmac(TSIG_ALGORITHMS[key.algorithm].hash, secretOf(key));
  if (priorMac !== undefined) {
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(priorMac.length, 0);
    hmac.update(length).update(priorMac);
  }
  return hmac;
}

/** Begins with a key prepared once, which takes a quarter of the time that its octets do. */
function secretOf(key: TsigKey): KeyObject {
  let secret = secrets.get(key);
  if (secret === undefined) {
    secret = createSecretKey(key.secret);
    secrets.set(key, secret);
  }
  return secret;
}

const secrets = new WeakMap<TsigKey, KeyObject>();

/** Adds a received message as it was before its TSIG came: without it, and with its original ID (4.3.2). */
export function digestSigned(hmac: Hmac, bytes: Buffer, offset: number, record: TsigRecord): Hmac {
  const header = Buffer.from(bytes.subarray(0, 12));
  header.writeUInt16BE(record.originalId, 0);
  header.writeUInt16BE(header.readUInt16BE(10) - 1, 10);
  return hmac.update(header).update(bytes.subarray(12, offset));
}

/** Adds the variables of a request, of a single reply, or of the first message of several (4.3.3). */
export function digestVariables(hmac: Hmac, record: TsigRecord): Hmac {
  const name = canonicalName(record.name);
  const algorithm = canonicalName(record.algorithm);
  const bytes = Buffer.allocUnsafe(name.length + algorithm.length + 18 + record.other.length);
  let offset = name.copy(bytes, 0);
  offset = bytes.writeUInt16BE(CLASS_ANY, offset);
  offset = bytes.writeUInt32BE(0, offset);
  offset += algorithm.copy(bytes, offset);
  offset = bytes.writeUIntBE(record.timeSigned, offset, 6);
  offset = bytes.writeUInt16BE(record.fudge, offset);
  offset = bytes.writeUInt16BE(record.error, offset);
  offset = bytes.writeUInt16BE(record.other.length, offset);
  record.other.copy(bytes, offset);
  return hmac.update(bytes);
}

/** Adds what stands for the variables in the later messages of a reply: the timers alone (5.3.1). */
export function digestTimers(hmac: Hmac, record: { timeSigned: number; fudge: number }): Hmac {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeUIntBE(record.timeSigned, 0, 6);
  bytes.writeUInt16BE(record.fudge, 6);
  return hmac.update(bytes);
}

/**
 * Whether a MAC's length is one that may stand on the wire at all: from ten octets or half of the hash, whichever is
 * more, to the whole hash (5.2.2.1).
 */
export function isPossibleLength(key: TsigKey, mac: Buffer): boolean {
  const { size } = TSIG_ALGORITHMS[key.algorithm];
  return mac.length <= size && mac.length >= Math.max(10, size / 2);
}

/** Whether the key takes MACs of this length (5.2.4). */
export function isAcceptedLength(key: TsigKey, mac: Buffer): boolean {
  return mac.length >= Math.min(key.shortestMac ?? Infinity, TSIG_ALGORITHMS[key.algorithm].size);
}

/** Compares a MAC, whole or truncated, in a time that tells nothing. An empty one never matches. */
export function matchesMac(expected: Buffer, mac: Buffer): boolean {
  return (
    mac.length > 0 && mac.length <= expected.length && timingSafeEqual(expected.subarray(0, mac.length), mac)
  );
}

/** Whether the signer's time is within its fudge of ours (5.2.3). `now` in milliseconds. */
export function isTimely(record: TsigRecord, now: number): boolean {
  return Math.abs(seconds(now) - record.timeSigned) <= record.fudge;
}

/** Milliseconds to the whole seconds of TSIG. */
export function seconds(now: number): number {
  return Math.floor(now / 1000);
}
