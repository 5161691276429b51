import { HEADER_LENGTH } from '../../dns/message.ts';
import { nameKey } from '../../dns/name.ts';
import { TYPE } from '../../dns/types.ts';
import { UnsignedAccess } from '../access.ts';
import type { Answer as LongAnswer } from '../answer.ts';
import type { Given, ServedEvent } from '../events.ts';
import type { LoneMessage } from '../images/lone-message.ts';
import type { Peer } from '../report.ts';
import type { Release } from '../slots.ts';
import type { KnownVersion, Registration } from '../source.ts';
import { type ResponderParts, soaMessage } from '../turn.ts';
import { compose, type PlainRecords } from './compose.ts';
import { type PlainQuestion, readPlainQuestion } from './question.ts';

/** An answer that is ready; over TCP with its length before it. */
export interface PlainAnswer {
  readonly bytes: Buffer;
  /** To be called once when it was given to the client, or why not. */
  ended(failure?: string): void;
}

/**
 * Answers at once, without a promise or a timer, what nearly all requests ask: SOA, AXFR of a zone that is one rendered message, and IXFR
 * where nothing is new, or where the one message that it takes was given before; unsigned, by who may have it, where all that is needed
 * is in memory and may be answered with. Each rule is the same as on the long way, and whatever isn't plainly allowed goes there,
 * refusals among it.
 */
export class PlainAnswers {
  readonly #parts: ResponderParts;
  readonly #access = new UnsignedAccess();
  /** By the name as it was asked for. */
  readonly #prepared = new Map<string, Prepared>();

  constructor(parts: ResponderParts) {
    this.#parts = parts;
  }

  /** Undefined: the long way. */
  answer(bytes: Buffer, peer: Peer): PlainAnswer | undefined {
    const { source, registry, turns } = this.#parts;
    if (peer.transport === 'tls' || source.mayAnswer?.() !== true) return undefined;
    const question = readPlainQuestion(bytes);
    if (question === undefined) return undefined;
    const isDatagram = peer.transport === 'udp';
    if (isDatagram && question.type !== TYPE.SOA) return undefined;
    const prepared = this.#prepare(bytes, question.nameEnd);
    if (prepared === undefined) return undefined;
    const { version } = prepared;
    const secondary = this.#access.find(registry.registrations(), peer.address, version.name);
    if (secondary === undefined) return undefined;
    const choice = this.#choose(question, prepared);
    if (choice === undefined) return undefined;
    const release = choice.isTransfer ? turns.tryAcquire(secondary.secondaryId) : undefined;
    if (choice.isTransfer && release === undefined) return undefined;
    const reply = compose(bytes, question, choice.records, version, !isDatagram);
    if (isDatagram && reply.length > question.udpBytes) return undefined;
    return new Answer(this.#parts, { question, choice, version, secondary, peer, release }, reply);
  }

  #choose({ type, fromSerial }: PlainQuestion, prepared: Prepared): Choice | undefined {
    if (type === TYPE.SOA)
      return { given: 'SOA', because: 'asked', records: prepared.soa, isTransfer: false };
    if (fromSerial === undefined) {
      const records = this.#whole(prepared);
      return records && { given: 'AXFR', because: 'asked', records, isTransfer: true };
    }
    if (fromSerial === prepared.version.serial)
      return { given: 'up-to-date', because: 'up-to-date', records: prepared.soa, isTransfer: false };
    const records = this.#parts.increments.onlyMessage(prepared.version, fromSerial);
    return records && { given: 'IXFR', because: 'history', records, isTransfer: true };
  }

  #whole(prepared: Prepared): LoneMessage | undefined {
    let { whole } = prepared;
    if (whole?.isKept !== true) {
      const { zoneId, serial } = prepared.version;
      whole = this.#parts.images.onlyMessage(zoneId, serial);
      prepared.whole = whole;
    }
    if (whole !== undefined) whole.isUsed = true;
    return whole;
  }

  /** What is made once for each version and spelling of a name. */
  #prepare(bytes: Buffer, nameEnd: number): Prepared | undefined {
    const asked = bytes.toString('latin1', HEADER_LENGTH, nameEnd);
    const before = this.#prepared.get(asked);
    if (before?.version.isCurrent === true) return before;
    const name = before?.version.name ?? nameKey(bytes.subarray(HEADER_LENGTH, nameEnd));
    const version = this.#parts.source.known?.(name);
    if (version === undefined) {
      this.#prepared.delete(asked);
      return undefined;
    }
    const { body, answers } = soaMessage(version.zone());
    const prepared = { version, soa: { body: body.toString('latin1'), answers }, whole: undefined };
    if (this.#prepared.size >= MOST_PREPARED) this.#prepared.clear();
    this.#prepared.set(asked, prepared);
    return prepared;
  }
}

interface Prepared {
  readonly version: KnownVersion;
  readonly soa: PlainRecords;
  whole: LoneMessage | undefined;
}

const MOST_PREPARED = 20_000;

/** What is sent, and why that. */
interface Choice {
  readonly given: Given;
  readonly because: LongAnswer['because'];
  readonly records: PlainRecords;
  readonly isTransfer: boolean;
}

interface Decided {
  readonly question: PlainQuestion;
  readonly choice: Choice;
  readonly version: KnownVersion;
  readonly secondary: Registration;
  readonly peer: Peer;
  readonly release: Release | undefined;
}

/** One answer on its way to the client. */
class Answer implements PlainAnswer {
  readonly bytes: Buffer;
  readonly #parts: ResponderParts;
  readonly #decided: Decided;
  readonly #startedAt: number;

  constructor(parts: ResponderParts, decided: Decided, bytes: Buffer) {
    this.bytes = bytes;
    this.#parts = parts;
    this.#decided = decided;
    this.#startedAt = parts.clock.now();
    const { given, because } = decided.choice;
    if (given !== 'SOA' && parts.report.showsTransfers) parts.report.started(this.#event(true, 0), because);
  }

  ended(failure?: string): void {
    const { clock, served } = this.#parts;
    this.#decided.release?.();
    const event = this.#event(failure === undefined, clock.now() - this.#startedAt);
    if (failure !== undefined) event.failure = failure;
    served(event);
  }

  #event(complete: boolean, ms: number): WrittenEvent {
    const { question, choice, version, secondary, peer } = this.#decided;
    const event: WrittenEvent = {
      zoneId: version.zoneId,
      zone: version.name,
      secondaryId: secondary.secondaryId,
      secondary: secondary.name,
      address: peer.address,
      port: peer.port,
      transport: peer.transport,
      asked: ASKED[question.type],
      given: choice.given,
      serial: version.serial,
      version,
      startedAt: this.#startedAt,
      complete,
      messages: 1,
      records: choice.records.answers,
      bytes: peer.transport === 'udp' ? this.bytes.length : this.bytes.length - 2,
      ms,
    };
    if (question.fromSerial !== undefined) event.fromSerial = question.fromSerial;
    return event;
  }
}

type WrittenEvent = { -readonly [Field in keyof ServedEvent]: ServedEvent[Field] };

const ASKED = { [TYPE.SOA]: 'SOA', [TYPE.AXFR]: 'AXFR', [TYPE.IXFR]: 'IXFR' } as const;
