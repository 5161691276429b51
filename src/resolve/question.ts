import { FLAG, HEADER_LENGTH, type Message, readHeader, readMessage } from '../dns/message.ts';
import { equalNames } from '../dns/name.ts';
import { buildQuery } from '../dns/query.ts';
import { CLASS_IN, OPCODE, RCODE, TYPE } from '../dns/types.ts';
import { messageOf } from '../errors.ts';
import { type PlainAddresses, type PlainText, readAddresses, readAddressText } from './addresses-reply.ts';
import { randomiseCase } from './random.ts';
import type { Exchange, Question } from './udp-pool.ts';

export interface Limits {
  /** Milliseconds to wait for the reply. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export type Reply =
  | { kind: 'reply'; message: Message }
  | { kind: 'addresses'; addresses: PlainAddresses }
  | { kind: 'failed'; reason: 'timeout' | 'unreachable' | 'malformed'; detail: string };

export type Judged =
  | { kind: 'addresses'; addresses: PlainAddresses }
  | { kind: 'whole'; message: Message; sameCase: boolean }
  /** A refusal without the question, which servers send that could not read ours. */
  | { kind: 'bare'; message: Message };

export interface Form {
  name: Buffer;
  type: number;
  /** Whether each letter of the question gets a random case, which the reply must have as well. */
  mixCase: boolean;
  edns: boolean;
  /** Fills the message up to whole blocks, where it travels encrypted (RFC 8467, 4.1). */
  padded?: boolean;
}

/** Octets of UDP that we take: no fragments on any path (RFC 9715). */
const UDP_SIZE = 1232;

/** One question as it is sent once, and the judge of what comes back. */
export class AddressQuestion implements Question<Judged> {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly #form: Form;
  /** As it is sent, but for the id and padding. */
  readonly message: Buffer;
  readonly nameLength: number;
  readonly type: number;
  /** Whether it has OPT. */
  readonly edns: boolean;
  /** Why the last reply with our id was passed over. */
  #passedOver: string | undefined;

  constructor(form: Form, limits: Limits) {
    this.timeoutMs = limits.timeoutMs;
    this.signal = limits.signal;
    this.#form = form;
    this.type = form.type;
    this.edns = form.edns;
    this.nameLength = form.name.length;
    this.message = render(form);
    if (form.mixCase) randomiseCase(this.message, HEADER_LENGTH, this.nameLength);
  }

  build(id: number): Buffer {
    const { type, padded } = this.#form;
    if (padded)
      return buildQuery({
        id,
        name: this.#asked,
        type,
        rd: true,
        ad: true,
        edns: { udpSize: UDP_SIZE },
        padded,
      });
    this.message.writeUInt16BE(id, 0);
    return this.message;
  }

  /** Of a reply that holds nothing but addresses of the very name: those, as text. */
  readPlainly(bytes: Buffer): PlainText | undefined {
    return readAddressText(bytes, this);
  }

  accept(bytes: Buffer): Judged | undefined {
    try {
      const addresses = readAddresses(bytes, this);
      return addresses ? { kind: 'addresses', addresses } : this.#judge(bytes);
    } catch (error) {
      this.#passedOver = messageOf(error);
      return undefined;
    }
  }

  /** What it means that no reply was accepted. */
  failure(got: Exclude<Exchange<Judged>, { kind: 'reply' }>): Extract<Reply, { kind: 'failed' }> {
    if (this.#passedOver !== undefined) {
      return { kind: 'failed', reason: 'malformed', detail: `no usable reply: ${this.#passedOver}` };
    }
    if (got.kind === 'timeout') {
      return {
        kind: 'failed',
        reason: 'timeout',
        detail: `no reply within ${Math.round(this.timeoutMs)} ms`,
      };
    }
    return { kind: 'failed', reason: 'unreachable', detail: got.detail };
  }

  /** The name, in the case in which it is asked for. */
  get #asked(): Buffer {
    return this.message.subarray(HEADER_LENGTH, HEADER_LENGTH + this.nameLength);
  }

  #judge(bytes: Buffer): Judged | undefined {
    const header = readHeader(bytes);
    if (!header.qr || header.opcode !== OPCODE.QUERY) return this.#passOver('it is no reply');
    const message = header.tc ? readTruncated(bytes) : readMessage(bytes);
    const question = message.questions[0];
    if (question === undefined && isUnread(message.rcode)) return { kind: 'bare', message };
    if (message.questions.length !== 1 || question === undefined) return this.#passOver('it has no question');
    if (
      question.type !== this.#form.type ||
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

/** A query with one question and a bare OPT (RFC 6891, 6.1.2), octet by octet: it is made for every question there is. */
function render({ name, type, edns }: Form): Buffer {
  const end = HEADER_LENGTH + name.length;
  const bytes = Buffer.allocUnsafe(end + 4 + (edns ? BARE_OPT : 0));
  bytes.fill(0, 0, HEADER_LENGTH);
  bytes.writeUInt16BE(FLAG.RD | FLAG.AD, 2);
  bytes[5] = 1;
  name.copy(bytes, HEADER_LENGTH);
  let at = bytes.writeUInt16BE(type, end);
  at = bytes.writeUInt16BE(CLASS_IN, at);
  if (!edns) return bytes;
  bytes[11] = 1;
  bytes.fill(0, at);
  bytes.writeUInt16BE(TYPE.OPT, at + 1);
  bytes.writeUInt16BE(UDP_SIZE, at + 3);
  return bytes;
}

const BARE_OPT = 11;

/** Whether a response code says that the server could not read the question. */
export function isUnread(rcode: number): boolean {
  return rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP;
}

/** Of a truncated reply the question alone counts, and its records may be cut anywhere (RFC 2181, 9). */
function readTruncated(bytes: Buffer): Message {
  try {
    return readMessage(bytes);
  } catch {
    const head = Buffer.from(bytes);
    head.fill(0, 6, HEADER_LENGTH);
    let end = HEADER_LENGTH;
    while (head[end] !== undefined && head[end] !== 0 && head[end]! < 64) end += head[end]! + 1;
    return readMessage(head.subarray(0, end + 5));
  }
}
