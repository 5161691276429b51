import { type Message, type Question, readMessage } from '../dns/message.ts';
import { equalNames } from '../dns/name.ts';
import { soaSerial } from '../dns/rdata/index.ts';
import { CLASS_IN, OPCODE, TYPE, typeToText } from '../dns/types.ts';
import { messageOf } from '../errors.ts';
import { type EdnsRequest, hasCookie, readEdns, type Transport } from './edns.ts';
import type { Refusal, RefusalReason } from './refusal.ts';

/** What is wanted. `other` is everything that a hidden primary doesn't answer, NOTIFY among it. */
export type Ask =
  | { readonly kind: 'SOA' }
  | { readonly kind: 'AXFR' }
  | { readonly kind: 'IXFR'; readonly serial: number }
  | { readonly kind: 'other'; readonly refusal: Refusal };

/** What is answered with data. */
export type DataAsk = Exclude<Ask, { kind: 'other' }>;

/** The few header fields that every reply repeats. */
export interface RequestHeader {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
}

/** A request that can be read, with what its parts ask for; `refusal` where they break a rule. */
export interface Request {
  readonly header: RequestHeader;
  readonly bytes: Buffer;
  readonly message: Message;
  /** Missing where there is not exactly one. */
  readonly question?: Question;
  readonly edns?: EdnsRequest;
  readonly ask: Ask;
  readonly refusal?: Refusal;
}

/** `ignored` gets no reply at all: replies, which could go back and forth for ever, and less than a header. */
export type ParsedRequest =
  | { readonly kind: 'ignored' }
  | { readonly kind: 'unreadable'; readonly header: RequestHeader; readonly refusal: Refusal }
  | { readonly kind: 'readable'; readonly request: Request };

/** Reads one message of a client. Never throws: the first stage of refusal, "parse", is in what comes back. */
export function parseRequest(bytes: Buffer, transport: Transport): ParsedRequest {
  if (bytes.length < HEADER_BYTES) return { kind: 'ignored' };
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return { kind: 'ignored' };
  const header = {
    id: bytes.readUInt16BE(0),
    opcode: (flags >> 11) & 0xf,
    recursionDesired: (flags & 0x0100) !== 0,
  };
  const opcodeRefusal = isServedOpcode(header.opcode)
    ? undefined
    : refusal('opcode', `opcode ${header.opcode} is not implemented here`);
  let message: Message;
  try {
    message = readMessage(bytes);
  } catch (error) {
    return {
      kind: 'unreadable',
      header,
      refusal: opcodeRefusal ?? refusal('malformed', messageOf(error)),
    };
  }
  const question = message.questions.length === 1 ? message.questions[0] : undefined;
  const { edns, refusal: ednsRefusal } = readEdns(message, transport);
  const classified = classify(message, question, header.opcode);
  const firstRefusal =
    opcodeRefusal ?? ednsRefusal ?? ('refusal' in classified ? classified.refusal : undefined);
  return {
    kind: 'readable',
    request: {
      header,
      bytes,
      message,
      ask: 'ask' in classified ? classified.ask : { kind: 'other', refusal: classified.refusal },
      ...(question === undefined ? {} : { question }),
      ...(edns === undefined ? {} : { edns }),
      ...(firstRefusal === undefined ? {} : { refusal: firstRefusal }),
    },
  };
}

const HEADER_BYTES = 12;

function isServedOpcode(opcode: number): boolean {
  return opcode === OPCODE.QUERY || opcode === OPCODE.NOTIFY;
}

function classify(
  message: Message,
  question: Question | undefined,
  opcode: number,
): { ask: Ask } | { refusal: Refusal } {
  if (question === undefined) {
    // RFC 9619, 4: one question, for NOTIFY as well. Only a client that wants a cookie may have none.
    const count = message.questions.length;
    if (count === 0 && hasCookie(message)) return other('not-served', 'cookies are not given here');
    return malformed(`${count} questions, one is expected`);
  }
  if (opcode === OPCODE.NOTIFY) return other('notify', 'NOTIFY is not taken: this is the primary');
  if (question.class !== CLASS_IN) return other('not-served', `class ${question.class} is not served here`);
  switch (question.type) {
    case TYPE.SOA:
      return { ask: { kind: 'SOA' } };
    case TYPE.AXFR:
      return wrongSections(message, 0) ?? { ask: { kind: 'AXFR' } };
    case TYPE.IXFR:
      return wrongSections(message, 1) ?? ixfrAsk(message, question);
    default:
      return other('not-served', `${typeToText(question.type)} is not answered here: SOA, AXFR and IXFR are`);
  }
}

/** RFC 5936, 2.1 and RFC 1995, 3: nothing but the question, an IXFR client's SOA, and OPT and TSIG. */
function wrongSections(message: Message, authorities: number): { refusal: Refusal } | undefined {
  if (message.answers.length !== 0) {
    return malformed(`${message.answers.length} records in the answer section, none are expected`);
  }
  if (message.authorities.length !== authorities) {
    return malformed(
      authorities === 0
        ? `${message.authorities.length} records in the authority section of AXFR, none are expected`
        : `${message.authorities.length} records in the authority section of IXFR, the client's SOA is expected`,
    );
  }
  const extra = message.additionals;
  return extra.length === 0
    ? undefined
    : malformed(`${extra.length} records in the additional section, OPT and TSIG alone are expected`);
}

/** RFC 1995, 3: of the client's SOA the serial alone counts. */
function ixfrAsk(message: Message, question: Question): { ask: Ask } | { refusal: Refusal } {
  const soa = message.authorities[0];
  if (soa === undefined || soa.type !== TYPE.SOA || soa.class !== CLASS_IN) {
    return malformed("the authority section of IXFR has no SOA: the client's is expected");
  }
  if (!equalNames(soa.name, question.name)) {
    return malformed('the SOA in the authority section is of another name than the question');
  }
  return { ask: { kind: 'IXFR', serial: soaSerial(soa.rdata) } };
}

function other(reason: RefusalReason, detail: string): { ask: Ask } {
  return { ask: { kind: 'other', refusal: refusal(reason, detail) } };
}

function malformed(detail: string): { refusal: Refusal } {
  return { refusal: refusal('malformed', detail) };
}

function refusal(reason: RefusalReason, detail: string): Refusal {
  return { reason, detail };
}
