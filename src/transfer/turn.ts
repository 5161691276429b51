import type { Clock } from '../clock.ts';
import { nameKey } from '../dns/name.ts';
import {
  type LegacyAlgorithm,
  type RequestVerdict,
  type TsigFailure,
  type TsigKey,
  tsigErrorReply,
} from '../dns/tsig.ts';
import { TYPE } from '../dns/types.ts';
import type { Log } from '../log.ts';
import type { CurrentZone, JournalStep, PublishedZone } from '../zone/version.ts';
import { plainAddress } from './address-set.ts';
import { type Answer, decideAnswer } from './answer.ts';
import type { RenderedMessage } from './chunk.ts';
import { within } from './deadline.ts';
import type { AheadEvent, ServedEvent } from './events.ts';
import type { MessageStream } from './image.ts';
import type { Images } from './images.ts';
import type { Increments } from './increments.ts';
import { LARGEST_MESSAGE, PLAIN_UDP_BYTES, type TransferLimits } from './limits.ts';
import { type Refusal, type RefusalReason, refusalRcode } from './refusal.ts';
import { renderRecords } from './rendering.ts';
import { ReplyMaker } from './reply.ts';
import { givenOf, type Peer, type Report, type StartedAnswer } from './report.ts';
import type { DataAsk, Request } from './request.ts';
import { signatureRefusal } from './signature.ts';
import type { FairSlots } from './slots.ts';
import type { Registration, Registry, VersionSource } from './source.ts';
import { Transfer } from './transfer.ts';

/** What a request leads to. */
export type Response =
  | { readonly kind: 'silence' }
  | { readonly kind: 'message'; readonly bytes: Buffer }
  | { readonly kind: 'transfer'; readonly transfer: Transfer };

/** What answering needs, from the room around it. */
export interface ResponderParts {
  readonly source: VersionSource;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: TransferLimits;
  readonly images: Images;
  readonly increments: Increments;
  readonly turns: FairSlots;
  readonly report: Report;
  /** Algorithms that are taken beside those with SHA-2. */
  readonly legacyTsig: readonly LegacyAlgorithm[];
  /** Tells the log and whoever wants to know of an answer that is over. Never throws. */
  served(event: ServedEvent): void;
  readonly onAhead?: (event: AheadEvent) => void;
}

/** A client that is still there, with a way to be told that it has to be let go. */
export interface Caller extends Peer {
  /** Raised when the client has gone. */
  readonly signal?: AbortSignal;
  /** Ends what is being sent to the client. */
  cut?(why: string): void;
}

/** One request that could be read, on its way through the stages. */
export class Turn {
  readonly #parts: ResponderParts;
  readonly #request: Request;
  readonly #caller: Caller;
  readonly #verdict: RequestVerdict;

  constructor(parts: ResponderParts, request: Request, caller: Caller, verdict: RequestVerdict) {
    this.#parts = parts;
    this.#request = request;
    this.#caller = caller;
    this.#verdict = verdict;
  }

  get key(): TsigKey | undefined {
    return this.#verdict.kind === 'good' ? this.#verdict.key : undefined;
  }

  no(reason: RefusalReason, detail: string): Response {
    return this.refuse({ reason, detail });
  }

  refuse(refusal: Refusal): Response {
    this.#parts.report.refused(this.#caller, refusal, this.#request, this.key?.name);
    return { kind: 'message', bytes: this.#reply().refusal(refusalRcode[refusal.reason], this.#limit()) };
  }

  /** NOTAUTH with the TSIG error that says why, signed where RFC 8945, 5.3.2 wants it. */
  refuseSignature(verdict: TsigFailure): Response {
    const refusal = signatureRefusal(verdict, this.#parts.legacyTsig);
    this.#parts.report.refused(this.#caller, refusal, this.#request, verdict.record.name);
    // Names may be compressed in the request and are not in the reply: who showed no key gets back no more octets than came.
    const isUnproven = this.#caller.transport === 'udp' && !('key' in verdict);
    return {
      kind: 'message',
      bytes: tsigErrorReply(this.#request.message, verdict, this.#parts.clock.now(), {
        limit: isUnproven ? Math.min(this.#limit(), this.#request.bytes.length) : this.#limit(),
        isPadded: this.#caller.transport === 'tls',
      }),
    };
  }

  async serve(ask: DataAsk, zoneName: string, secondary: Registration): Promise<Response> {
    const current = await this.#current(zoneName);
    if (current.kind === 'unknown') return this.no('unknown-zone', `${zoneName} is no zone here`);
    if (current.kind === 'unpublished') {
      return this.no('unpublished', `${zoneName} has no version that can be served`);
    }
    const { zone } = current;
    const answer = await decideAnswer(ask, zone, this.#caller.transport, {
      history: (from) => this.#history(zone, from),
      isLarger: (octets, steps) => this.#isLarger(zone, octets, steps),
    });
    if (answer.kind === 'singleSoa') {
      if (answer.because === 'client-ahead') this.#tellAhead(ask, zone, secondary);
      return this.#single(ask, zone, secondary, answer, soaMessage(zone));
    }
    if (this.#caller.transport === 'udp') return await this.#overUdp(ask, zone, secondary, answer);
    return await this.#transfer(ask, zone, secondary, answer);
  }

  async #current(zoneName: string): Promise<CurrentZone> {
    const { source, limits } = this.#parts;
    const known = source.known?.(zoneName);
    if (known !== undefined) return { kind: 'zone', zone: known.zone() };
    return await within(limits.sourceMs, `looking up zone ${zoneName}`, source.current(zoneName));
  }

  /** Without a history the whole zone is given, so a store that can't say is one without. */
  async #history(zone: PublishedZone, from: number): ReturnType<VersionSource['history']> {
    try {
      return await this.#parts.increments.history(zone, from);
    } catch (error) {
      const fields = { zone: zone.name, fromSerial: from, err: error };
      this.#parts.log.warn(fields, `history of ${zone.name} can not be read`);
      return undefined;
    }
  }

  /** A zone that can't be measured can't be sent whole either: the history that is there is given. */
  async #isLarger(zone: PublishedZone, octets: number, steps: readonly JournalStep[]): Promise<boolean> {
    try {
      return await this.#parts.images.isLarger(zone, octets, steps);
    } catch (error) {
      this.#parts.log.warn({ zone: zone.name, err: error }, `the size of ${zone.name} can not be read`);
      return true;
    }
  }

  /** RFC 1995, 2: the whole answer where it fits, else the SOA alone. */
  async #overUdp(
    ask: DataAsk,
    zone: PublishedZone,
    secondary: Registration,
    answer: Answer,
  ): Promise<Response> {
    if (answer.kind === 'incremental') {
      const only = await this.#onlyMessage(zone, answer);
      if (only !== undefined && this.#reply(zone).singleLength(only) <= this.#limit()) {
        return this.#single(ask, zone, secondary, answer, only);
      }
    }
    return this.#single(ask, zone, secondary, { kind: 'singleSoa', because: 'udp' }, soaMessage(zone));
  }

  async #onlyMessage(
    zone: PublishedZone,
    answer: Extract<Answer, { kind: 'incremental' }>,
  ): Promise<RenderedMessage | undefined> {
    const stream = this.#parts.increments.open(zone, answer.from, answer.steps);
    try {
      const first = await stream.at(0);
      return (await stream.at(1)) === undefined ? first : undefined;
    } finally {
      stream.close();
    }
  }

  #single(
    ask: DataAsk,
    zone: PublishedZone,
    secondary: Registration,
    answer: Answer,
    records: RenderedMessage,
  ): Response {
    const started = this.#started(ask, zone, secondary, answer);
    this.#parts.report.started(started, answer.because);
    const bytes = this.#reply(zone).single(records, this.#limit());
    this.#parts.served({
      ...started,
      complete: true,
      messages: 1,
      records: records.answers,
      bytes: bytes.length,
      ms: this.#parts.clock.now() - started.startedAt,
    });
    return { kind: 'message', bytes };
  }

  async #transfer(
    ask: DataAsk,
    zone: PublishedZone,
    secondary: Registration,
    answer: Exclude<Answer, { kind: 'singleSoa' }>,
  ): Promise<Response> {
    const { turns, limits, clock, report } = this.#parts;
    const release = await turns.acquire(secondary.secondaryId, limits.turnMs, this.#caller.signal);
    if (release === undefined) {
      if (this.#caller.signal?.aborted === true) return { kind: 'silence' };
      return this.no('busy', `no turn came within ${limits.turnMs} ms, too many transfers are under way`);
    }
    try {
      const { stream, given } = await this.#open(zone, answer);
      const started = this.#started(ask, stream.zone, secondary, given);
      report.started(started, given.because);
      const transfer = new Transfer({
        stream,
        reply: this.#reply(stream.zone),
        clock,
        sourceMs: limits.sourceMs,
        onSettled: (counts, failure) => {
          release();
          const outcome = failure === undefined ? { complete: true } : { complete: false, failure };
          this.#parts.served({ ...started, ...counts, ...outcome });
        },
      });
      return { kind: 'transfer', transfer };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #open(
    zone: PublishedZone,
    answer: Exclude<Answer, { kind: 'singleSoa' }>,
  ): Promise<{ stream: MessageStream; given: Exclude<Answer, { kind: 'singleSoa' }> }> {
    const { images, log } = this.#parts;
    let given = answer;
    if (answer.kind === 'incremental') {
      try {
        return { stream: this.#parts.increments.open(zone, answer.from, answer.steps), given };
      } catch (error) {
        log.warn(
          { zone: zone.name, fromSerial: answer.from, err: error },
          `history of ${zone.name} is broken`,
        );
        given = { kind: 'full', because: 'no-history' };
      }
    }
    const stream = await images.open(zone, (why) => this.#caller.cut?.(why));
    return { stream, given };
  }

  #tellAhead(ask: DataAsk, zone: PublishedZone, secondary: Registration): void {
    // Anybody can put another's address into a datagram.
    const isTrusted = this.#caller.transport !== 'udp' || this.key !== undefined;
    if (ask.kind !== 'IXFR' || !isTrusted) return;
    const { secondaryId } = secondary;
    try {
      this.#parts.onAhead?.({ zone: zone.name, secondaryId, serial: ask.serial });
    } catch (error) {
      this.#parts.log.error({ err: error }, 'onAhead failed');
    }
  }

  #started(ask: DataAsk, zone: PublishedZone, secondary: Registration, answer: Answer): StartedAnswer {
    return {
      zoneId: zone.zoneId,
      zone: zone.name,
      secondaryId: secondary.secondaryId,
      secondary: secondary.name,
      address: plainAddress(this.#caller.address),
      port: this.#caller.port,
      transport: this.#caller.transport,
      ...(this.key === undefined ? {} : { key: nameKey(this.key.name) }),
      asked: ask.kind,
      given: givenOf(answer, ask.kind),
      ...(ask.kind === 'IXFR' ? { fromSerial: ask.serial } : {}),
      serial: zone.serial,
      version: zone,
      startedAt: this.#parts.clock.now(),
    };
  }

  /** @param zone given where data is sent, as EXPIRE goes with data only (RFC 7314, 3) */
  #reply(zone?: PublishedZone): ReplyMaker {
    const { header, question, edns } = this.#request;
    const verdict = this.#verdict;
    return new ReplyMaker(
      {
        header,
        ...(question === undefined ? {} : { question: question.wire }),
        ...(edns === undefined
          ? {}
          : {
              edns: {
                dnssecOk: edns.dnssecOk,
                ...(edns.expire && zone !== undefined ? { expireSeconds: zone.expire } : {}),
                ...(edns.keepalive ? { keepaliveMs: this.#parts.limits.idleMs } : {}),
                ...(this.#caller.transport === 'tls' ? { isPadded: true } : {}),
              },
            }),
        ...(verdict.kind === 'good' ? { signedBy: { key: verdict.key, mac: verdict.mac } } : {}),
      },
      this.#parts.clock,
    );
  }

  /** Octets that one message to this client may have. */
  #limit(): number {
    if (this.#caller.transport !== 'udp') return LARGEST_MESSAGE;
    return this.#request.edns?.udpBytes ?? PLAIN_UDP_BYTES;
  }
}

/** The answer to SOA. */
export function soaMessage(zone: PublishedZone): RenderedMessage {
  const soa = { name: zone.nameWire, type: TYPE.SOA, ttl: zone.soaTtl, rdata: zone.soa };
  return renderRecords(zone.nameWire, [soa])[0]!;
}
