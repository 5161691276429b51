/** Verifying the replies to a request that we signed (RFC 8945, 5.3, 5.4). */
import type { Hmac } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { type Message, readMessage } from '../message.ts';
import { equalNames } from '../name.ts';
import { algorithmFromName, type TsigKey } from './algorithm.ts';
import {
  digestSigned,
  digestTimers,
  digestVariables,
  isAcceptedLength,
  isPossibleLength,
  isTimely,
  matchesMac,
  startDigest,
} from './digest.ts';
import { TSIG_ERROR, type TsigRecord } from './record.ts';

export type TsigFault =
  | 'unsigned'
  | 'too many unsigned'
  | 'last unsigned'
  | 'wrong key'
  | 'wrong mac length'
  | 'bad mac'
  | 'bad time'
  | 'refused by peer';

/** A reply that is not to be believed, or that says that the peer did not believe us. One line for people. */
export class TsigError extends Error {
  readonly fault: TsigFault;
  /** The peer's TSIG error, 16 for BADSIG and so on, where it is the peer that refuses. */
  readonly peerError: number;

  constructor(fault: TsigFault, message: string, peerError = 0) {
    super(message);
    this.name = 'TsigError';
    this.fault = fault;
    this.peerError = peerError;
  }
}

/** Unsigned messages that may stand between two signed ones (5.3.1). */
const MOST_UNSIGNED = 99;

/**
 * Verifies the messages of one reply in turn; at its end `finish` makes sure that the last one was signed. What came
 * since the last signed message is only to be believed when the next signed one has passed.
 */
export class TsigVerifier {
  readonly #key: TsigKey;
  readonly #clock: Clock;
  #priorMac: Buffer;
  /** The digest of unsigned messages since the last signed one. */
  #pending: Hmac | undefined;
  #unsigned = 0;
  #isFirst = true;

  constructor(key: TsigKey, requestMac: Buffer, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
    this.#priorMac = requestMac;
  }

  /**
   * Takes the next message; `message` is what `bytes` reads as, if the caller has it.
   *
   * @throws TsigError, FormatError
   */
  verify(bytes: Buffer, message: Message = readMessage(bytes)): Message {
    if (message.tsig === undefined) {
      this.#takeUnsigned(bytes);
      return message;
    }
    const { record, offset } = message.tsig;
    this.#checkKey(record);
    const hmac = digestSigned(this.#pending ?? startDigest(this.#key, this.#priorMac), bytes, offset, record);
    this.#pending = undefined;
    this.#checkMac(
      (this.#isFirst ? digestVariables(hmac, record) : digestTimers(hmac, record)).digest(),
      record,
    );
    this.#checkTime(record);
    this.#priorMac = record.mac;
    this.#unsigned = 0;
    this.#isFirst = false;
    return message;
  }

  /** To be called when the reply is complete. Throws TsigError where its last messages were not signed. */
  finish(): void {
    if (this.#isFirst) throw new TsigError('unsigned', 'the peer sent no signed message');
    if (this.#unsigned > 0) throw new TsigError('last unsigned', "the peer's last message is not signed");
  }

  #takeUnsigned(bytes: Buffer): void {
    if (this.#isFirst) throw new TsigError('unsigned', "the peer's first message is not signed");
    if (++this.#unsigned > MOST_UNSIGNED) {
      throw new TsigError(
        'too many unsigned',
        `the peer sent more than ${MOST_UNSIGNED} unsigned messages in a row`,
      );
    }
    this.#pending ??= startDigest(this.#key, this.#priorMac);
    this.#pending.update(bytes);
  }

  #checkKey(record: TsigRecord): void {
    if (
      !equalNames(record.name, this.#key.name) ||
      algorithmFromName(record.algorithm) !== this.#key.algorithm
    ) {
      throw new TsigError('wrong key', 'the peer signed with another key or algorithm than ours');
    }
    // An error about key or MAC comes without a MAC (5.3.2), from some peers BADTIME too: nothing to verify, and
    // nothing to believe but the error itself.
    if (record.mac.length === 0 && record.error !== 0) throw refusal(record);
  }

  #checkMac(expected: Buffer, record: TsigRecord): void {
    if (!isPossibleLength(this.#key, record.mac) || !isAcceptedLength(this.#key, record.mac)) {
      throw new TsigError('wrong mac length', `the peer's MAC has ${record.mac.length} octets`);
    }
    if (!matchesMac(expected, record.mac)) throw new TsigError('bad mac', "the peer's MAC does not match");
    if (record.error !== 0) throw refusal(record);
  }

  #checkTime(record: TsigRecord): void {
    if (isTimely(record, this.#clock.now())) return;
    const apart = Math.abs(Math.floor(this.#clock.now() / 1000) - record.timeSigned);
    throw new TsigError(
      'bad time',
      `the peer's clock is ${apart} s apart from ours: ${record.fudge} s are allowed`,
    );
  }
}

function refusal(record: TsigRecord): TsigError {
  const isTime = record.error === TSIG_ERROR.BADTIME && record.other.length === 6;
  const detail = isTime ? `, the peer's clock says ${record.other.readUIntBE(0, 6)}` : '';
  const name = errorName.get(record.error) ?? `error ${record.error}`;
  return new TsigError('refused by peer', `the peer refuses our signature: ${name}${detail}`, record.error);
}

const errorName = new Map<number, string>(Object.entries(TSIG_ERROR).map(([name, code]) => [code, name]));
