import { type Message, readHeader, readMessage } from '../../dns/message.ts';
import { equalNames } from '../../dns/name.ts';
import { buildQuery } from '../../dns/query.ts';
import { soaSerial } from '../../dns/rdata/index.ts';
import { CLASS_IN, OPCODE, RCODE, rcodeToText, TYPE } from '../../dns/types.ts';
import { type Endpoint, formatEndpoint } from '../../endpoint.ts';
import { messageOf } from '../../errors.ts';
import type { Question } from '../../resolve/udp-pool.ts';
import type { Sockets } from '../sockets.ts';

/** What one address of a secondary said. */
export type Said = { kind: 'reply'; message: Message } | { kind: 'silent'; error: string };

/** Octets of UDP that are taken: no fragments on any path (RFC 9715). */
const UDP_SIZE = 1232;

export interface AskOptions {
  transport?: 'udp' | 'tcp';
  timeoutMs: number;
  signal?: AbortSignal;
}

/**
 * One question to a secondary as anybody may ask it: unsigned, without recursion; over UDP, and over TCP where the reply is truncated
 * (RFC 7766, 5).
 *
 * @throws the signal's reason when it is aborted
 */
export async function ask(
  sockets: Sockets,
  to: Endpoint,
  name: Buffer,
  type: number,
  options: AskOptions,
): Promise<Said> {
  const { transport = 'udp', timeoutMs, signal } = options;
  let passedOver: string | undefined;
  const question: Question<Message | 'truncated'> = {
    build: (id) => buildQuery({ id, name, type, edns: { udpSize: UDP_SIZE } }),
    accept: (bytes) => {
      try {
        const header = readHeader(bytes);
        if (!header.qr || header.opcode !== OPCODE.QUERY) return undefined;
        if (header.tc && transport === 'udp') return 'truncated';
        const message = readMessage(bytes);
        if (answersIt(message, name, type)) return message;
        passedOver = 'it answers another question';
      } catch (error) {
        passedOver = messageOf(error);
      }
      return undefined;
    },
    timeoutMs,
    signal,
  };
  const got = await sockets.ask(to, transport, question);
  if (got.kind === 'reply') {
    if (got.reply !== 'truncated') return { kind: 'reply', message: got.reply };
    return ask(sockets, to, name, type, { ...options, transport: 'tcp' });
  }
  const what = got.kind === 'timeout' ? `no reply within ${timeoutMs} ms` : got.detail;
  const unbelieved = passedOver === undefined ? '' : `; a reply was passed over: ${passedOver}`;
  return { kind: 'silent', error: `${formatEndpoint(to)} ${transport.toUpperCase()}: ${what}${unbelieved}` };
}

/** A refusal may come as a bare header. */
function answersIt({ questions, rcode }: Message, name: Buffer, type: number): boolean {
  const [question] = questions;
  if (question === undefined) return rcode !== RCODE.NOERROR;
  return (
    questions.length === 1 &&
    question.type === type &&
    question.class === CLASS_IN &&
    equalNames(question.name, name)
  );
}

/** What an address says about a zone's serial. */
export type Shown =
  | { kind: 'serial'; serial: number; at: Endpoint }
  | { kind: 'refused'; rcode: number; error: string }
  | { kind: 'silent'; error: string };

/** Asks for the zone's SOA. */
export async function askSerial(
  sockets: Sockets,
  to: Endpoint,
  zone: Buffer,
  options: AskOptions,
): Promise<Shown> {
  const said = await ask(sockets, to, zone, TYPE.SOA, options);
  if (said.kind === 'silent') return said;
  const { rcode, answers } = said.message;
  const where = formatEndpoint(to);
  if (rcode !== RCODE.NOERROR)
    return { kind: 'refused', rcode, error: `${where} answers SOA with ${rcodeToText(rcode)}` };
  // of another class it may have no data at all
  const soa = answers.find(
    (record) => record.type === TYPE.SOA && record.class === CLASS_IN && equalNames(record.name, zone),
  );
  // as a server answers for a zone that it does not have
  if (soa === undefined)
    return { kind: 'refused', rcode: RCODE.NOTAUTH, error: `${where} answers without a SOA of the zone` };
  return { kind: 'serial', serial: soaSerial(soa.rdata), at: to };
}
