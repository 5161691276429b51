import { randomBytes } from 'node:crypto';
import { type Message, readHeader, readMessage } from '../dns/message.ts';
import { equalNames } from '../dns/name.ts';
import { buildQuery } from '../dns/query.ts';
import { CLASS_IN, OPCODE, RCODE } from '../dns/types.ts';
import { messageOf } from '../errors.ts';
import { askOverTcp } from './tcp.ts';
import type { Exchange, Question } from './udp-pool.ts';
import type { Upstream } from './upstream.ts';

export interface Limits {
  /** Milliseconds to wait for each reply. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export type Reply =
  | { kind: 'reply'; message: Message }
  | { kind: 'failed'; reason: 'timeout' | 'unreachable' | 'malformed'; detail: string };

/** Octets of UDP that we take: no fragments on any path (RFC 9715). */
const UDP_SIZE = 1232;
/** Replies in another case, unconfirmed by TCP, after which an upstream counts as one that loses the case. */
const MOST_CASE_DOUBTS = 3;

/**
 * Asks one upstream one question and gives the reply to it: same source, id and question, the question's case
 * included where the upstream keeps it. Over UDP, then over TCP where the reply is truncated (RFC 7766, 5) or came back
 * in another case, which is either a forgery or an upstream that loses the case.
 *
 * @throws the signal's reason when it is aborted
 */
export async function exchange(
  upstream: Upstream,
  name: Buffer,
  type: number,
  limits: Limits,
): Promise<Reply> {
  const edns = upstream.takesEdns;
  const first = await overUdp(upstream, name, type, limits);
  if (!edns || !refusesEdns(first)) return first;
  // FORMERR or NOTIMP without OPT: a server from before EDNS (RFC 6891, 7).
  upstream.takesEdns = false;
  const second = await overUdp(upstream, name, type, limits);
  if (second.kind === 'failed' || isUnread(second.message.rcode)) upstream.takesEdns = true;
  return second;
}

async function overUdp(upstream: Upstream, name: Buffer, type: number, limits: Limits): Promise<Reply> {
  const attempt = new Attempt(upstream, name, type, limits);
  const got = await upstream.sockets.ask(attempt);
  if (got.kind !== 'reply') return attempt.failure(got);
  if (got.reply.kind === 'bare') return { kind: 'reply', message: got.reply.message };
  const { message, sameCase } = got.reply;
  if (sameCase && !message.tc) {
    upstream.caseDoubts = 0;
    return { kind: 'reply', message };
  }
  const reply = await overTcp(upstream, name, type, limits);
  if (!sameCase && reply.kind === 'failed' && ++upstream.caseDoubts >= MOST_CASE_DOUBTS)
    upstream.keepsCase = false;
  return reply;
}

async function overTcp(upstream: Upstream, name: Buffer, type: number, limits: Limits): Promise<Reply> {
  const attempt = new Attempt(upstream, name, type, limits);
  const got = await askOverTcp(upstream.endpoint, attempt);
  if (got.kind !== 'reply') {
    const failure = attempt.failure(got);
    return { ...failure, detail: `over TCP: ${failure.detail}` };
  }
  // Nobody forges a TCP connection blindly: if the case is lost here too, it is the upstream that loses it.
  if (got.reply.kind === 'whole' && !got.reply.sameCase) upstream.keepsCase = false;
  const { message } = got.reply;
  if (message.tc) return { kind: 'failed', reason: 'malformed', detail: 'over TCP: the reply is truncated' };
  return { kind: 'reply', message };
}

type Judged =
  | { kind: 'whole'; message: Message; sameCase: boolean }
  /** A refusal without the question, which servers send that could not read ours. */
  | { kind: 'bare'; message: Message };

/** One question as it is sent once, and the judge of what comes back. */
class Attempt implements Question<Judged> {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly #asked: Buffer;
  readonly #type: number;
  readonly #edns: boolean;
  /** Why the last reply with our id was passed over. */
  #passedOver: string | undefined;

  constructor(upstream: Upstream, name: Buffer, type: number, limits: Limits) {
    this.timeoutMs = limits.timeoutMs;
    this.signal = limits.signal;
    this.#asked = upstream.keepsCase ? randomiseCase(name) : name;
    this.#type = type;
    this.#edns = upstream.takesEdns;
  }

  build(id: number): Buffer {
    return buildQuery({
      id,
      name: this.#asked,
      type: this.#type,
      rd: true,
      ad: true,
      ...(this.#edns ? { edns: { udpSize: UDP_SIZE } } : {}),
    });
  }

  accept(bytes: Buffer): Judged | undefined {
    try {
      return this.#judge(bytes);
    } catch (error) {
      this.#passedOver = messageOf(error);
      return undefined;
    }
  }

  failure(got: Exclude<Exchange<Judged>, { kind: 'reply' }>): Extract<Reply, { kind: 'failed' }> {
    if (this.#passedOver !== undefined) {
      return { kind: 'failed', reason: 'malformed', detail: `no usable reply: ${this.#passedOver}` };
    }
    if (got.kind === 'timeout') {
      return { kind: 'failed', reason: 'timeout', detail: `no reply within ${this.timeoutMs} ms` };
    }
    return { kind: 'failed', reason: 'unreachable', detail: got.detail };
  }

  #judge(bytes: Buffer): Judged | undefined {
    const header = readHeader(bytes);
    if (!header.qr || header.opcode !== OPCODE.QUERY) return this.#passOver('it is no reply');
    const message = header.tc ? readTruncated(bytes) : readMessage(bytes);
    const question = message.questions[0];
    if (question === undefined && isUnread(message.rcode)) return { kind: 'bare', message };
    if (message.questions.length !== 1 || question === undefined) return this.#passOver('it has no question');
    if (
      question.type !== this.#type ||
      question.class !== CLASS_IN ||
      !equalNames(question.name, this.#asked)
    ) {
      return this.#passOver('it answers another question');
    }
    return { kind: 'whole', message, sameCase: question.name.equals(this.#asked) };
  }

  #passOver(why: string): undefined {
    this.#passedOver = why;
    return undefined;
  }
}

/** Of a truncated reply the question alone counts, and its records may be cut anywhere (RFC 2181, 9). */
function readTruncated(bytes: Buffer): Message {
  try {
    return readMessage(bytes);
  } catch {
    const head = Buffer.from(bytes);
    head.fill(0, 6, 12);
    let end = 12;
    while (head[end] !== undefined && head[end] !== 0 && head[end]! < 64) end += head[end]! + 1;
    return readMessage(head.subarray(0, end + 5));
  }
}

function refusesEdns(reply: Reply): boolean {
  return reply.kind === 'reply' && isUnread(reply.message.rcode) && reply.message.opt === undefined;
}

function isUnread(rcode: number): boolean {
  return rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP;
}

/** Gives each letter a random case: up to one bit a letter that a forger has to guess (draft-vixie-dnsext-dns0x20). */
export function randomiseCase(name: Buffer): Buffer {
  const mixed = Buffer.from(name);
  const coins = randomBytes(name.length);
  for (let labelAt = 0; mixed[labelAt]! > 0; labelAt += mixed[labelAt]! + 1) {
    for (let index = labelAt + 1; index <= labelAt + mixed[labelAt]!; index++) {
      const lower = mixed[index]! | 0x20;
      if (lower >= 0x61 && lower <= 0x7a && (coins[index]! & 1) === 1) mixed[index] = mixed[index]! ^ 0x20;
    }
  }
  return mixed;
}
