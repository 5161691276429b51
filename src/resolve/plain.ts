import type { Endpoint } from '../endpoint.ts';
import { messageOf } from '../errors.ts';
import { KnownQuestion } from './known.ts';
import { AddressQuestion, type Form, isUnread, type Judged, type Limits, type Reply } from './question.ts';
import { askOverTcp } from './tcp.ts';
import type { Transport } from './transport.ts';
import { type Exchange, UdpPool } from './udp-pool.ts';

/** Replies in another case, unconfirmed by TCP, after which an upstream counts as one that loses the case. */
const MOST_CASE_DOUBTS = 3;

/**
 * UDP, then TCP where a reply is truncated (RFC 7766, 5), where many came that answer nothing, or in another case, which is either a forgery or an upstream that
 * loses the case. A reply has the same source, id and question, its case included where the upstream keeps it.
 */
export class PlainTransport implements Transport {
  readonly #endpoint: Endpoint;
  readonly #sockets: UdpPool;
  /** Whether it copies the question with its case; then the case of each question is random. */
  #keepsCase = true;
  /** Replies in another case that TCP could not confirm, in a row. */
  #caseDoubts = 0;
  /** Whether it understands OPT. */
  #takesEdns = true;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#sockets = new UdpPool({ remote: endpoint });
  }

  async ask(name: Buffer, type: number, limits: Limits): Promise<Reply> {
    const question = this.#question(name, type, limits);
    const got = await this.#sockets.ask(question);
    return this.#goOn(question, got, name, type, limits);
  }

  confirm(
    name: Buffer,
    type: number,
    timeoutMs: number,
    { resolver, answer }: { resolver: string; answer: string },
    done: (got: number | Reply) => void,
  ): void {
    const limits = { timeoutMs };
    const question = new KnownQuestion(this.#form(name, type), limits, resolver, answer);
    this.#sockets.put(question, (got) => {
      if (got.kind === 'reply' && typeof got.reply === 'number') {
        this.#caseDoubts = 0;
        return done(got.reply);
      }
      this.#goOn(question.whole, got as Exchange<Judged>, name, type, limits).then(done, (error) =>
        done({ kind: 'failed', reason: 'unreachable', detail: messageOf(error) }),
      );
    });
  }

  /** What is to be done about a reply that is not plainly what was asked for. */
  async #goOn(
    question: AddressQuestion,
    got: Exchange<Judged>,
    name: Buffer,
    type: number,
    limits: Limits,
  ): Promise<Reply> {
    const { edns } = question;
    const first = await this.#judge(question, got, name, type, limits);
    if (!edns || !refusesEdns(first)) return first;
    // FORMERR or NOTIMP without OPT: a server from before EDNS (RFC 6891, 7).
    this.#takesEdns = false;
    const again = this.#question(name, type, limits);
    const second = await this.#judge(again, await this.#sockets.ask(again), name, type, limits);
    if (second.kind === 'failed' || (second.kind === 'reply' && isUnread(second.message.rcode)))
      this.#takesEdns = true;
    return second;
  }

  close(): void {
    this.#sockets.close();
  }

  async #judge(
    question: AddressQuestion,
    got: Exchange<Judged>,
    name: Buffer,
    type: number,
    limits: Limits,
  ): Promise<Reply> {
    // nobody guesses their way into a TCP connection
    if (got.kind === 'flooded') return this.#overTcp(name, type, limits);
    if (got.kind !== 'reply') return question.failure(got);
    const { reply } = got;
    if (reply.kind === 'addresses') {
      this.#caseDoubts = 0;
      return reply;
    }
    const { message } = reply;
    if (reply.kind === 'bare') return { kind: 'reply', message };
    if (reply.sameCase && !message.tc) {
      this.#caseDoubts = 0;
      return { kind: 'reply', message };
    }
    const confirmed = await this.#overTcp(name, type, limits);
    if (!reply.sameCase && confirmed.kind === 'failed' && ++this.#caseDoubts >= MOST_CASE_DOUBTS)
      this.#keepsCase = false;
    return confirmed;
  }

  async #overTcp(name: Buffer, type: number, limits: Limits): Promise<Reply> {
    const question = this.#question(name, type, limits);
    const got = await askOverTcp(this.#endpoint, question);
    if (got.kind !== 'reply') {
      const failure = question.failure(got);
      return { ...failure, detail: `over TCP: ${failure.detail}` };
    }
    const { reply } = got;
    if (reply.kind === 'addresses') return reply;
    // Nobody forges a TCP connection blindly: if the case is lost here too, it is the upstream that loses it.
    if (reply.kind === 'whole' && !reply.sameCase) this.#keepsCase = false;
    if (reply.message.tc)
      return { kind: 'failed', reason: 'malformed', detail: 'over TCP: the reply is truncated' };
    return { kind: 'reply', message: reply.message };
  }

  #question(name: Buffer, type: number, limits: Limits): AddressQuestion {
    return new AddressQuestion(this.#form(name, type), limits);
  }

  #form(name: Buffer, type: number): Form {
    return { name, type, mixCase: this.#keepsCase, edns: this.#takesEdns };
  }
}

function refusesEdns(reply: Reply): boolean {
  return reply.kind === 'reply' && isUnread(reply.message.rcode) && reply.message.opt === undefined;
}
