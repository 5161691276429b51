import type { Clock } from '../clock.ts';
import { HEADER_LENGTH, headerFlags } from '../dns/message.ts';
import { paddingOctets } from '../dns/padding.ts';
import { type TsigKey, TsigSigner, tsigLength } from '../dns/tsig.ts';
import { RCODE } from '../dns/types.ts';
import type { RenderedMessage } from './chunk.ts';
import { type EdnsReply, encodeOpt } from './edns.ts';
import { LARGEST_MESSAGE } from './limits.ts';
import type { RequestHeader } from './request.ts';

/** What all messages of one reply have of their request. */
export interface ReplyTo {
  readonly header: RequestHeader;
  /** The question's exact octets; missing where the request had none, or several. */
  readonly question?: Buffer;
  /** OPT is in the reply where it was in the request (RFC 6891, 7). */
  readonly edns?: EdnsReply;
  /** The key that signed the request well, with the request's MAC: the reply is signed with it. */
  readonly signedBy?: { readonly key: TsigKey; readonly mac: Buffer };
}

/** Makes the messages of one reply, each signed in its turn. */
export class ReplyMaker {
  readonly #to: ReplyTo;
  readonly #signer: TsigSigner | undefined;
  /** Of messages with data. */
  readonly #dataFlags: number;

  constructor(to: ReplyTo, clock: Clock) {
    this.#to = to;
    this.#dataFlags = headerFlags({
      qr: true,
      opcode: to.header.opcode,
      aa: true,
      rd: to.header.recursionDesired,
    });
    this.#signer =
      to.signedBy === undefined
        ? undefined
        : new TsigSigner(to.signedBy.key, { requestMac: to.signedBy.mac, clock });
  }

  /** A whole reply without data, of at most `limit` octets. */
  refusal(rcode: number, limit: number): Buffer {
    const edns = this.#to.edns === undefined ? undefined : { ...this.#to.edns, extendedRcode: rcode >> 4 };
    const contents = { rcode: rcode & 0xf, edns };
    if (this.singleLength(NO_RECORDS) > limit) return this.#truncated(contents, limit);
    return this.#sign(Buffer.concat(this.#parts(contents)));
  }

  /** A whole reply in one message; more than `limit` octets become TC without data, signed all the same (RFC 8945, 5.3). */
  single(records: RenderedMessage, limit: number): Buffer {
    if (this.singleLength(records) > limit) {
      return this.#truncated({ isData: true, edns: this.#to.edns }, limit);
    }
    return this.#sign(Buffer.concat(this.#parts({ isData: true, edns: this.#to.edns, records })));
  }

  /** Octets of `single` without its limit. */
  singleLength(records: RenderedMessage): number {
    const { question, edns, signedBy } = this.#to;
    return (
      HEADER_LENGTH +
      (question?.length ?? 0) +
      records.body.length +
      (edns === undefined ? 0 : encodeOpt(edns).length) +
      (signedBy === undefined ? 0 : tsigLength(signedBy.key))
    );
  }

  /**
   * One message of a transfer as a TCP frame, in pieces to be written one behind the other. The records are the rendered
   * octets themselves, signed or not, and are never copied. The first message has the question and OPT (RFC 5936,
   * 2.2.2, 2.2.5), later ones have OPT where they are padded.
   */
  frame(records: RenderedMessage, isFirst: boolean): { pieces: Buffer[]; bytes: number } {
    const question = isFirst ? this.#to.question : undefined;
    const edns = isFirst ? this.#to.edns : laterEdns(this.#to.edns);
    const head = Buffer.allocUnsafe(2 + HEADER_LENGTH + (question?.length ?? 0));
    const opt = edns === undefined ? undefined : this.#opt(edns, head.length - 2 + records.body.length);
    head.writeUInt16BE(this.#to.header.id, 2);
    head.writeUInt16BE(this.#dataFlags, 4);
    head.writeUInt16BE(question === undefined ? 0 : 1, 6);
    head.writeUInt16BE(records.answers, 8);
    head.writeUInt16BE(0, 10);
    head.writeUInt16BE(opt === undefined ? 0 : 1, 12);
    if (question !== undefined) question.copy(head, 2 + HEADER_LENGTH);
    const pieces = opt === undefined ? [head, records.body] : [head, records.body, opt];
    let bytes = head.length - 2 + records.body.length + (opt?.length ?? 0);
    if (this.#signer !== undefined) {
      const tsig = this.#signer.signParts([head.subarray(2), ...pieces.slice(1)]);
      head.writeUInt16BE(opt === undefined ? 1 : 2, 12);
      pieces.push(tsig);
      bytes += tsig.length;
    }
    head.writeUInt16BE(bytes, 0);
    return { pieces, bytes };
  }

  /** TC, question and OPT, signed; with the longest names of zone and key even these are too much for 512 octets. */
  #truncated(contents: Contents, limit: number): Buffer {
    const withoutQuestion = this.singleLength(NO_RECORDS) > limit;
    return this.#sign(Buffer.concat(this.#parts({ ...contents, isTruncated: true, withoutQuestion })));
  }

  #parts(contents: Contents): Buffer[] {
    const { header, question } = this.#to;
    const head = Buffer.alloc(HEADER_LENGTH);
    head.writeUInt16BE(header.id, 0);
    head.writeUInt16BE(
      headerFlags({
        qr: true,
        opcode: header.opcode,
        aa: contents.isData === true,
        tc: contents.isTruncated === true,
        rd: header.recursionDesired,
        rcode: contents.rcode ?? RCODE.NOERROR,
      }),
      2,
    );
    const parts: Buffer[] = [head];
    if (question !== undefined && contents.withoutQuestion !== true) {
      head.writeUInt16BE(1, 4);
      parts.push(question);
    }
    if (contents.records !== undefined) {
      head.writeUInt16BE(contents.records.answers, 6);
      parts.push(contents.records.body);
    }
    if (contents.edns !== undefined) {
      head.writeUInt16BE(1, 10);
      const before = parts.reduce((sum, part) => sum + part.length, 0);
      parts.push(this.#opt(contents.edns, before));
    }
    return parts;
  }

  /** OPT behind so many octets of its message, padded with TSIG counted, which comes behind it. */
  #opt(edns: EdnsReply, before: number): Buffer {
    const plain = encodeOpt(edns);
    if (edns.isPadded !== true) return plain;
    const { signedBy } = this.#to;
    const octets = before + plain.length + (signedBy === undefined ? 0 : tsigLength(signedBy.key));
    return encodeOpt(edns, paddingOctets(octets, LARGEST_MESSAGE));
  }

  #sign(message: Buffer): Buffer {
    return this.#signer?.sign(message) ?? message;
  }
}

interface Contents {
  readonly rcode?: number;
  readonly isData?: boolean;
  readonly isTruncated?: boolean;
  readonly withoutQuestion?: boolean;
  readonly edns: EdnsReply | undefined;
  readonly records?: RenderedMessage;
}

const NO_RECORDS: RenderedMessage = { body: Buffer.alloc(0), answers: 0 };

function laterEdns(edns: EdnsReply | undefined): EdnsReply | undefined {
  return edns?.isPadded === true ? { dnssecOk: edns.dnssecOk, isPadded: true } : undefined;
}
