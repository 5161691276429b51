import {
  DemoUpstream,
  encodeUpstreamReply,
  type Transport,
  type UpstreamAnswer,
} from '../../src/demo/upstream.ts';
import type { EdnsOption, Message } from '../../src/dns/message.ts';
import { absoluteName, canonicalName, nameKey } from '../../src/dns/name.ts';
import { questionOf } from '../../src/dns/query.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';

/** The ways in which an upstream can let a name down. */
export type Failure =
  | 'servfail'
  | 'refused'
  | 'nxdomain'
  | 'nodata'
  /** No reply at all. */
  | 'timeout'
  /** Over UDP truncated, over TCP whole. */
  | 'truncate'
  | 'wrong-id'
  | 'wrong-question'
  /** Octets that are no message, behind the right id. */
  | 'garbage'
  | 'referral'
  /** SERVFAIL, as the answer has no signature to be believed (RFC 8914). */
  | 'bogus';

/** An extended error (RFC 8914): its code, with a text that may be anything. */
export type ExtendedError = [code: number, text?: string];

/** A controllable recursive resolver on a loopback port of its own. */
export class Upstream extends DemoUpstream {
  /** Whether an answer ends behind its first CNAME. */
  oneLinkAtATime = false;
  /** Lower-cases the question, as some resolvers do. */
  losesCase = false;
  /** Answers queries with OPT by FORMERR without a question, as servers from before EDNS do. */
  refusesEdns = false;
  /** Never answers over TCP. */
  deafOverTcp = false;
  /** Called before each reply is made, for what has to change between two questions. */
  onQuery: ((query: Message, transport: Transport) => void) | undefined;
  /** Replaces the octets of each reply. */
  rewrite: ((reply: Buffer, query: Message, transport: Transport) => Buffer | undefined) | undefined;
  /** Questions by transport. */
  readonly byTransport = { udp: 0, tcp: 0 };

  readonly #failures = new Map<string, Failure>();
  readonly #extendedErrors = new Map<string, readonly ExtendedError[]>();
  readonly #delays = new Map<string, number>();
  readonly #pools = new Map<string, { addresses: readonly string[]; size: number; ttl: number }>();
  #delay = 0;

  /** A started one. */
  static async start(): Promise<Upstream> {
    const upstream = new Upstream();
    await upstream.start();
    return upstream;
  }

  /** Lets a name down from now on, for one family or both. */
  fail(name: string, failure: Failure, family?: 'A' | 'AAAA'): void {
    for (const type of family ? [family] : ['A', 'AAAA']) {
      this.#failures.set(`${nameKey(absoluteName(name))} ${type}`, failure);
    }
  }

  /** Says more with each reply to questions for a name from now on: good ones, and those that let it down. None: no more. */
  explain(name: string, ...errors: ExtendedError[]): void {
    this.#extendedErrors.set(nameKey(absoluteName(name)), errors);
  }

  /** Takes that back. */
  heal(name: string, family?: 'A' | 'AAAA'): void {
    for (const type of family ? [family] : ['A', 'AAAA']) {
      this.#failures.delete(`${nameKey(absoluteName(name))} ${type}`);
    }
  }

  /** Milliseconds that each reply is late from now on: to questions for a name, or to all. */
  delay(ms: number, name?: string): void {
    if (name === undefined) this.#delay = ms;
    else this.#delays.set(nameKey(absoluteName(name)), ms);
  }

  /** Has each answer to a question for A of this name give so many of a pool's addresses, by chance. */
  pool(name: string, addresses: readonly string[], size: number, ttl: number): void {
    this.#pools.set(nameKey(absoluteName(name)), { addresses, size, ttl });
  }

  protected override respond(query: Message, transport: Transport): Buffer | undefined {
    this.byTransport[transport]++;
    this.onQuery?.(query, transport);
    const reply = this.#reply(query, transport);
    return reply && this.rewrite ? this.rewrite(reply, query, transport) : reply;
  }

  protected override deliver(send: () => void, query: Message): void {
    const delay = this.#delays.get(nameKey(query.questions[0]!.name)) ?? this.#delay;
    if (delay === 0) super.deliver(send, query);
    else setTimeout(send, delay).unref();
  }

  #reply(query: Message, transport: Transport): Buffer | undefined {
    const question = query.questions[0]!;
    if (transport === 'tcp' && this.deafOverTcp) return undefined;
    this.#draw(question);
    if (this.refusesEdns && query.opt !== undefined) return bareFormerr(query.id);
    const answer = this.answer(question);
    if (this.oneLinkAtATime && answer.answers[0]?.type === TYPE.CNAME) {
      answer.answers.length = 1;
      Object.assign(answer, { rcode: RCODE.NOERROR, negative: false });
    }
    const name = this.losesCase ? canonicalName(question.name) : question.name;
    const asked = { ...query, questions: [{ ...question, name, wire: questionOf(name, question.type) }] };
    const type = question.type === TYPE.A ? 'A' : 'AAAA';
    return this.#letDown(this.#failures.get(`${nameKey(question.name)} ${type}`), asked, answer, transport);
  }

  #draw({ name, type }: Message['questions'][number]): void {
    const pool = this.#pools.get(nameKey(name));
    if (!pool || type !== TYPE.A) return;
    const left = [...pool.addresses];
    const drawn = Array.from(
      { length: pool.size },
      () => left.splice(Math.floor(Math.random() * left.length), 1)[0] ?? '',
    );
    this.set(nameKey(name), { A: drawn, ttl: pool.ttl });
  }

  #letDown(
    failure: Failure | undefined,
    query: Message,
    answer: UpstreamAnswer,
    transport: Transport,
  ): Buffer | undefined {
    const explained = this.#extendedErrors.get(nameKey(query.questions[0]!.name)) ?? [];
    const none = (rcode: number, negative = false, errors = explained) =>
      encodeUpstreamReply(
        query,
        { rcode, answers: [], negative, options: errors.map(extendedErrorOption) },
        transport,
      );
    switch (failure) {
      case undefined:
        return encodeUpstreamReply(
          query,
          { ...answer, options: explained.map(extendedErrorOption) },
          transport,
        );
      case 'bogus':
        return none(RCODE.SERVFAIL, false, explained.length > 0 ? explained : [[6, 'no valid signature']]);
      case 'servfail':
        return none(RCODE.SERVFAIL);
      case 'refused':
        return none(RCODE.REFUSED);
      case 'nxdomain':
        return none(RCODE.NXDOMAIN, true);
      case 'nodata':
        return none(RCODE.NOERROR, true);
      case 'timeout':
        return undefined;
      case 'truncate':
        return transport === 'udp'
          ? truncated(none(RCODE.NOERROR))
          : encodeUpstreamReply(query, answer, transport);
      case 'wrong-id':
        return encodeUpstreamReply({ ...query, id: query.id ^ 1 }, answer, transport);
      case 'wrong-question':
        return encodeUpstreamReply(otherQuestion(query), answer, transport);
      case 'garbage':
        return Buffer.concat([none(RCODE.NOERROR).subarray(0, 12), Buffer.alloc(40, 0xff)]);
      case 'referral':
        return withoutRecursion(none(RCODE.NOERROR));
    }
  }
}

function extendedErrorOption([code, text = '']: ExtendedError): EdnsOption {
  return { code: 15, data: Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(text)]) };
}

function otherQuestion(query: Message): Message {
  const question = query.questions[0]!;
  const name = absoluteName('elsewhere.example.org');
  return { ...query, questions: [{ ...question, name, wire: questionOf(name, question.type) }] };
}

function truncated(reply: Buffer): Buffer {
  reply[2]! |= 0x02;
  return reply;
}

function withoutRecursion(reply: Buffer): Buffer {
  reply[3]! &= 0x7f;
  return reply;
}

function bareFormerr(id: number): Buffer {
  const reply = Buffer.alloc(12);
  reply.writeUInt16BE(id, 0);
  reply.writeUInt16BE(0x8081, 2);
  return reply;
}
