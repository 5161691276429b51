import { nameKey } from '../dns/name.ts';
import { isTaken, verifyRequest } from '../dns/tsig.ts';
import { messageOf } from '../errors.ts';
import { decideAccess } from './access.ts';
import { PLAIN_UDP_BYTES } from './limits.ts';
import { type PlainAnswer, PlainAnswers } from './plain/answers.ts';
import { refusalRcode } from './refusal.ts';
import { ReplyMaker } from './reply.ts';
import type { Peer } from './report.ts';
import { parseRequest, type Request } from './request.ts';
import { type Caller, type ResponderParts, type Response, Turn } from './turn.ts';

/**
 * From one message of a client to what it gets: parse, TSIG, access, zone, contents, quota, in this order, and at
 * the first that says no a refusal. Nothing of it depends on how messages come and go.
 */
export class Responder {
  readonly #parts: ResponderParts;
  readonly #plain: PlainAnswers;

  constructor(parts: ResponderParts) {
    this.#parts = parts;
    this.#plain = new PlainAnswers(parts);
  }

  /** The answer to a plain request, where it is at hand; else undefined, and `respond` has to be asked. */
  respondNow(bytes: Buffer, peer: Peer): PlainAnswer | undefined {
    return this.#plain.answer(bytes, peer);
  }

  /** Never rejects: what goes wrong inside is a SERVFAIL and a line in the log. */
  async respond(bytes: Buffer, caller: Caller): Promise<Response> {
    const parsed = parseRequest(bytes, caller.transport);
    if (parsed.kind === 'ignored') return { kind: 'silence' };
    if (parsed.kind === 'unreadable') {
      this.#parts.report.refused(caller, parsed.refusal);
      const reply = new ReplyMaker({ header: parsed.header }, this.#parts.clock);
      return { kind: 'message', bytes: reply.refusal(refusalRcode[parsed.refusal.reason], PLAIN_UDP_BYTES) };
    }
    await this.#parts.source.fresh?.();
    return await this.#answer(parsed.request, caller);
  }

  async #answer(request: Request, caller: Caller): Promise<Response> {
    const { registry, clock, legacyTsig } = this.#parts;
    const { question, ask } = request;
    const verdict = verifyRequest(
      request.bytes,
      request.message,
      (name, algorithm) => (isTaken(algorithm, legacyTsig) ? registry.findKey(name, algorithm) : undefined),
      clock.now(),
    );
    const turn = new Turn(this.#parts, request, caller, verdict);

    if (request.refusal !== undefined) return turn.refuse(request.refusal);
    if (verdict.kind !== 'unsigned' && verdict.kind !== 'good') return turn.refuseSignature(verdict);
    if (ask.kind === 'other') return turn.refuse(ask.refusal);
    if (ask.kind === 'AXFR' && caller.transport === 'udp') {
      return turn.no('axfr-over-udp', 'AXFR is not defined over UDP (RFC 5936, 4.2)');
    }
    // A request that got here has a question.
    const zoneName = nameKey(question!.name);
    const access = decideAccess(registry.registrations(), caller.address, turn.key, zoneName);
    if (access.kind === 'refused') return turn.refuse(access.refusal);

    try {
      return await turn.serve(ask, zoneName, access.secondary);
    } catch (error) {
      return turn.no('unavailable', messageOf(error));
    }
  }
}
