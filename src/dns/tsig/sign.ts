/** Signing requests and replies (RFC 8945, 5.1, 5.3). */
import type { Clock } from '../../clock.ts';
import { canonicalName } from '../name.ts';
import { TSIG_ALGORITHMS, type TsigKey } from './algorithm.ts';
import { digestTimers, digestVariables, FUDGE, seconds, startDigest } from './digest.ts';
import { appendTsigRecord, encodeTsigRecord, type TsigRecord } from './record.ts';

/**
 * Signs the messages of one reply in turn: the first over all variables, each later one over the MAC before it
 * (5.3.1). Every message is signed, as some secondaries take no other transfer; the allowance of 99 unsigned
 * messages is for verifiers.
 */
export class TsigSigner {
  readonly #key: TsigKey;
  readonly #clock: Clock;
  readonly #template: TsigRecord;
  #priorMac: Buffer | undefined;
  #isFirst = true;

  /** `requestMac`: the MAC of the request as it came; absent when it is a request that is signed. */
  constructor(key: TsigKey, options: { requestMac?: Buffer; clock: Clock }) {
    this.#key = key;
    this.#clock = options.clock;
    this.#priorMac = options.requestMac;
    this.#template = unsignedRecord(key, 0, 0);
  }

  /** Gives the message with its TSIG; `tsigLength(key)` octets more. */
  sign(message: Buffer): Buffer {
    const record = this.#signed([message], message.readUInt16BE(0));
    return appendTsigRecord(message, record);
  }

  /**
   * The same for a message in parts, none of which is copied: gives its TSIG alone. The parts are the message without
   * it, ARCOUNT included, which the sender raises by one afterwards.
   */
  signParts(parts: readonly Buffer[]): Buffer {
    return encodeTsigRecord(this.#signed(parts, parts[0]!.readUInt16BE(0)));
  }

  #signed(parts: readonly Buffer[], id: number): TsigRecord {
    const record = { ...this.#template, timeSigned: seconds(this.#clock.now()), originalId: id };
    const hmac = startDigest(this.#key, this.#priorMac);
    for (const part of parts) hmac.update(part);
    record.mac = (this.#isFirst ? digestVariables(hmac, record) : digestTimers(hmac, record)).digest();
    this.#priorMac = record.mac;
    this.#isFirst = false;
    return record;
  }
}

/** Signs one request. Gives it with the MAC that its replies are verified with. `now` in milliseconds. */
export function signRequest(message: Buffer, key: TsigKey, now: number): { bytes: Buffer; mac: Buffer } {
  const record = unsignedRecord(key, message.readUInt16BE(0), seconds(now));
  record.mac = digestVariables(startDigest(key, undefined).update(message), record).digest();
  return { bytes: appendTsigRecord(message, record), mac: record.mac };
}

/** The record of a message before its MAC. */
export function unsignedRecord(key: TsigKey, id: number, timeSigned: number): TsigRecord {
  return {
    // In lower case on the wire too: Knot refuses a key's name in another case than its own (RFC 8945, 4.2).
    name: canonicalName(key.name),
    algorithm: TSIG_ALGORITHMS[key.algorithm].name,
    timeSigned,
    fudge: FUDGE,
    mac: EMPTY,
    originalId: id,
    error: 0,
    other: EMPTY,
  };
}

const EMPTY = Buffer.alloc(0);
