import { HEADER_LENGTH } from '../../dns/message.ts';
import { nameKey } from '../../dns/name.ts';
import { TYPE } from '../../dns/types.ts';
import { UnsignedAccess } from '../access.ts';
import type { LoneMessage } from '../images/lone-message.ts';
import type { Peer, StartedAnswer } from '../report.ts';
import type { Release } from '../slots.ts';
import type { KnownVersion, Registration } from '../source.ts';
import { type ResponderParts, soaMessage } from '../turn.ts';
import { compose, type PlainRecords } from './compose.ts';
import { readPlainQuestion } from './question.ts';

/** An answer that is ready; over TCP with its length before it. */
export interface PlainAnswer {
  readonly bytes: Buffer;
  /** To be called once when it was given to the client, or why not. */
  ended(failure?: string): void;
}

/**
 * Answers at once, without a promise or a timer, what nearly all requests ask: SOA, and AXFR of a zone that is one rendered message,
 * unsigned, by who may have it, where all that is needed is in memory and may be answered with. Each rule is the same as on the long
 * way, and whatever isn't plainly allowed goes there, refusals among it.
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
    const prepared = this.#prepare(bytes, question.nameEnd);
    if (prepared === undefined) return undefined;
    const { version } = prepared;
    const secondary = this.#access.find(registry.registrations(), peer.address, version.name);
    if (secondary === undefined) return undefined;
    if (question.type === TYPE.SOA) {
      const reply = compose(bytes, question, prepared.soa, version.expire, peer.transport !== 'udp');
      if (peer.transport === 'udp' && reply.length > question.udpBytes) return undefined;
      return new Answer(this.#parts, 'SOA', reply, prepared.soa.answers, version, secondary, peer);
    }
    const whole = peer.transport === 'udp' ? undefined : this.#whole(prepared);
    if (whole === undefined) return undefined;
    const release = turns.tryAcquire(secondary.secondaryId);
    if (release === undefined) return undefined;
    const reply = compose(bytes, question, whole, version.expire, true);
    return new Answer(this.#parts, 'AXFR', reply, whole.answers, version, secondary, peer, release);
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

/** One answer on its way to the client. */
class Answer implements PlainAnswer {
  readonly bytes: Buffer;
  readonly #parts: ResponderParts;
  readonly #kind: 'SOA' | 'AXFR';
  readonly #records: number;
  readonly #version: KnownVersion;
  readonly #secondary: Registration;
  readonly #peer: Peer;
  readonly #release: Release | undefined;
  readonly #startedAt: number;

  constructor(
    parts: ResponderParts,
    kind: 'SOA' | 'AXFR',
    bytes: Buffer,
    records: number,
    version: KnownVersion,
    secondary: Registration,
    peer: Peer,
    release?: Release,
  ) {
    this.bytes = bytes;
    this.#parts = parts;
    this.#kind = kind;
    this.#records = records;
    this.#version = version;
    this.#secondary = secondary;
    this.#peer = peer;
    this.#release = release;
    this.#startedAt = parts.clock.now();
    if (kind === 'AXFR' && parts.report.showsTransfers) parts.report.started(this.#started(), 'asked');
  }

  ended(failure?: string): void {
    this.#release?.();
    const { clock, served } = this.#parts;
    const isDatagram = this.#peer.transport === 'udp';
    const event = {
      ...this.#started(),
      complete: failure === undefined,
      messages: 1,
      records: this.#records,
      bytes: isDatagram ? this.bytes.length : this.bytes.length - 2,
      ms: clock.now() - this.#startedAt,
    };
    served(failure === undefined ? event : { ...event, failure });
  }

  #started(): StartedAnswer {
    const { zoneId, name, serial } = this.#version;
    return {
      zoneId,
      zone: name,
      secondaryId: this.#secondary.secondaryId,
      secondary: this.#secondary.name,
      address: this.#peer.address,
      port: this.#peer.port,
      transport: this.#peer.transport,
      asked: this.#kind,
      given: this.#kind,
      serial,
      startedAt: this.#startedAt,
    };
  }
}
