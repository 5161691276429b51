import { HEADER_LENGTH } from '../../dns/message.ts';
import { nameKey } from '../../dns/name.ts';
import { TYPE } from '../../dns/types.ts';
import { UnsignedAccess } from '../access.ts';
import type { RenderedMessage } from '../chunk.ts';
import { encodeOpt } from '../edns.ts';
import type { Peer, StartedAnswer } from '../report.ts';
import type { Release } from '../slots.ts';
import type { KnownVersion, PublishedZone, Registration } from '../source.ts';
import { type ResponderParts, soaMessage } from '../turn.ts';
import { type PlainQuestion, readPlainQuestion } from './question.ts';

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
    const { source } = this.#parts;
    if (source.known === undefined || peer.transport === 'tls') return undefined;
    const question = readPlainQuestion(bytes);
    if (question === undefined) return undefined;
    const prepared = this.#prepare(bytes, question.nameEnd);
    if (prepared === undefined) return undefined;
    const registrations = this.#parts.registry.registrations();
    const secondary = this.#access.find(registrations, peer.address, prepared.zone.name);
    if (secondary === undefined) return undefined;
    return question.type === TYPE.SOA
      ? this.#soa(bytes, question, peer, prepared, secondary)
      : this.#whole(bytes, question, peer, prepared, secondary);
  }

  #soa(
    bytes: Buffer,
    question: PlainQuestion,
    peer: Peer,
    { zone, soa }: Prepared,
    secondary: Registration,
  ): PlainAnswer | undefined {
    const reply = compose(bytes, question, zone, soa, peer.transport !== 'udp');
    if (peer.transport === 'udp' && reply.length > question.udpBytes) return undefined;
    return this.#answer(reply, soa.answers, peer, 'SOA', zone, secondary);
  }

  #whole(
    bytes: Buffer,
    question: PlainQuestion,
    peer: Peer,
    { zone }: Prepared,
    secondary: Registration,
  ): PlainAnswer | undefined {
    if (peer.transport === 'udp') return undefined;
    const { images, turns } = this.#parts;
    const message = images.onlyMessage(zone);
    if (message === undefined) return undefined;
    const release = turns.tryAcquire(secondary.secondaryId);
    if (release === undefined) return undefined;
    const reply = compose(bytes, question, zone, message, true);
    return this.#answer(reply, message.answers, peer, 'AXFR', zone, secondary, release);
  }

  #answer(
    bytes: Buffer,
    records: number,
    peer: Peer,
    kind: 'SOA' | 'AXFR',
    zone: PublishedZone,
    secondary: Registration,
    release?: Release,
  ): PlainAnswer {
    const { clock, report } = this.#parts;
    const started: StartedAnswer = {
      zoneId: zone.zoneId,
      zone: zone.name,
      secondaryId: secondary.secondaryId,
      secondary: secondary.name,
      address: peer.address,
      port: peer.port,
      transport: peer.transport,
      asked: kind,
      given: kind,
      serial: zone.serial,
      startedAt: clock.now(),
    };
    report.started(started, 'asked');
    return {
      bytes,
      ended: (failure) => {
        release?.();
        const counts = {
          messages: 1,
          records,
          bytes: peer.transport === 'udp' ? bytes.length : bytes.length - 2,
          ms: clock.now() - started.startedAt,
        };
        const outcome = failure === undefined ? { complete: true } : { complete: false, failure };
        this.#parts.served({ ...started, ...outcome, ...counts });
      },
    };
  }

  /** What is made once for each version and spelling of a name. */
  #prepare(bytes: Buffer, nameEnd: number): Prepared | undefined {
    const { source } = this.#parts;
    const asked = bytes.toString('latin1', HEADER_LENGTH, nameEnd);
    const before = this.#prepared.get(asked);
    if (before !== undefined && source.known?.(before.zone.name) === before.known) return before;
    const known = source.known?.(before?.zone.name ?? nameKey(bytes.subarray(HEADER_LENGTH, nameEnd)));
    if (known === undefined) {
      this.#prepared.delete(asked);
      return undefined;
    }
    const zone = known.zone();
    const prepared = { known, zone, soa: soaMessage(zone) };
    if (this.#prepared.size >= MOST_PREPARED) this.#prepared.clear();
    this.#prepared.set(asked, prepared);
    return prepared;
  }
}

interface Prepared {
  readonly known: KnownVersion;
  readonly zone: PublishedZone;
  readonly soa: RenderedMessage;
}

const MOST_PREPARED = 20_000;

/** Header, the question as it was asked, the records, and OPT where one came. */
function compose(
  request: Buffer,
  { nameEnd, edns, dnssecOk, expire }: PlainQuestion,
  zone: PublishedZone,
  { body, answers }: RenderedMessage,
  isFramed: boolean,
): Buffer {
  const opt = edns ? optOf(dnssecOk, expire, zone) : undefined;
  const start = isFramed ? 2 : 0;
  const questionEnd = nameEnd + 4;
  const octets = questionEnd + body.length + (opt?.length ?? 0);
  const reply = Buffer.allocUnsafe(start + octets);
  if (isFramed) {
    reply[0] = octets >> 8;
    reply[1] = octets;
  }
  // header and question in one; what differs in the header follows
  request.copy(reply, start, 0, questionEnd);
  reply[start + 2] = 0x84 | (request[2]! & 0x01);
  reply[start + 3] = 0;
  reply[start + 6] = answers >> 8;
  reply[start + 7] = answers;
  reply[start + 11] = opt === undefined ? 0 : 1;
  body.copy(reply, start + questionEnd);
  opt?.copy(reply, start + questionEnd + body.length);
  return reply;
}

function optOf(dnssecOk: boolean, expire: boolean, zone: PublishedZone): Buffer {
  if (expire) return encodeOpt({ dnssecOk, expireSeconds: zone.expire });
  return dnssecOk ? OPT_WITH_DO : OPT;
}

const OPT = encodeOpt({ dnssecOk: false });
const OPT_WITH_DO = encodeOpt({ dnssecOk: true });
