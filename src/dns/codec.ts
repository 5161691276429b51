/**
 * Messages to and from recursive resolvers, by way of dns-packet; the only file that imports it. It is used for the
 * few answers with addresses, not for zones: it loses octets of unusual names, checks no lengths and never
 * compresses. So whatever it gives is held against our own strict reader, and whatever it throws is a FormatError.
 */
import { isIP } from 'node:net';
import * as dnsPacket from 'dns-packet';
import { FormatError } from './format-error.ts';
import { headerFlags, type Message, type ResourceRecord, readMessage } from './message.ts';
import { formatName } from './name.ts';
import { decodeSoa, type SoaFields } from './rdata/index.ts';
import { TYPE } from './types.ts';

/** A record of a resolver's answer. Other types than these three stand in `Answer.message` only. */
export type AnswerRecord =
  /** `address` in the canonical text of its family. */
  | { type: 'A' | 'AAAA'; name: Buffer; ttl: number; address: string }
  | { type: 'CNAME'; name: Buffer; ttl: number; target: Buffer };

export interface Answer {
  /** The whole message, for its id, flags, rcode and question. */
  message: Message;
  records: AnswerRecord[];
  /** The SOA of a negative answer: how long it holds is the lesser of both (RFC 2308, 5). */
  negative?: { zone: Buffer; ttl: number; soa: SoaFields };
}

export type ReplyRecord = AnswerRecord | { type: 'SOA'; name: Buffer; ttl: number; soa: SoaFields };

export interface ReplyFields {
  id: number;
  rcode?: number;
  aa?: boolean;
  tc?: boolean;
  rd?: boolean;
  ra?: boolean;
  question: { name: Buffer; type: number };
  answers?: ReplyRecord[];
  authorities?: ReplyRecord[];
  /** Adds OPT with this size. */
  udpSize?: number;
}

/**
 * Reads a resolver's answer.
 *
 * @throws FormatError for whatever is malformed
 */
export function decodeAnswer(bytes: Buffer): Answer {
  const message = readMessage(bytes);
  const decoded = guarded(() => dnsPacket.decode(bytes).answers ?? []);
  if (decoded.length !== message.answers.length) throw new FormatError('an answer was read in two ways');
  const records: AnswerRecord[] = [];
  message.answers.forEach((record, index) => {
    if (record.class !== 1) return;
    const { name, ttl } = record;
    if (record.type === TYPE.CNAME) records.push({ type: 'CNAME', name, ttl, target: record.rdata });
    if (record.type === TYPE.A || record.type === TYPE.AAAA) {
      const type = record.type === TYPE.A ? 'A' : 'AAAA';
      records.push({ type, name, ttl, address: addressOf(decoded[index]!, type) });
    }
  });
  const soa = message.authorities.find((record) => record.type === TYPE.SOA);
  return { message, records, ...(soa === undefined ? {} : { negative: negativeOf(soa) }) };
}

/**
 * Writes a resolver's answer.
 *
 * @throws FormatError for an address that is none, or a name that dns-packet can't write
 */
export function encodeReply(fields: ReplyFields): Buffer {
  const { name, type } = fields.question;
  const bytes = guarded(() =>
    dnsPacket.encode({
      type: 'response',
      id: fields.id,
      flags: headerFlags(fields),
      questions: [{ name: nameText(name), type: 'A', class: 'IN' }],
      answers: (fields.answers ?? []).map(packetRecord),
      authorities: (fields.authorities ?? []).map(packetRecord),
      ...(fields.udpSize === undefined ? {} : { additionals: [packetOpt(fields.udpSize)] }),
    }),
  );
  // Not by its name: dns-packet writes types that it does not know as 0.
  bytes.writeUInt16BE(type, 12 + name.length);
  const written = readMessage(bytes);
  const isExact =
    written.questions[0]?.name.equals(name) === true &&
    written.answers.every((record, index) => record.name.equals(fields.answers![index]!.name));
  if (!isExact) throw new FormatError(`the name ${formatName(name)} can't be written by dns-packet`);
  return bytes;
}

function packetRecord(record: ReplyRecord): dnsPacket.Answer {
  const head = { name: nameText(record.name), ttl: record.ttl, class: 'IN' as const };
  if (record.type === 'CNAME') return { ...head, type: 'CNAME', data: nameText(record.target) };
  if (record.type === 'SOA') {
    const { mname, rname, ...numbers } = record.soa;
    return { ...head, type: 'SOA', data: { ...numbers, mname: nameText(mname), rname: nameText(rname) } };
  }
  if (isIP(record.address) !== (record.type === 'A' ? 4 : 6)) {
    throw new FormatError(`"${record.address}" is no address for ${record.type}`);
  }
  return { ...head, type: record.type, data: record.address };
}

function packetOpt(udpPayloadSize: number): dnsPacket.OptAnswer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
}

/** Names that need escapes have octets that dns-packet would write as others. */
function nameText(name: Buffer): string {
  const text = formatName(name);
  if (text.includes('\\')) throw new FormatError(`the name ${text} can't be written by dns-packet`);
  return text === '.' ? text : text.slice(0, -1);
}

function addressOf(record: dnsPacket.Answer, type: 'A' | 'AAAA'): string {
  if (record.type !== type || isIP(record.data) !== (type === 'A' ? 4 : 6)) {
    throw new FormatError(`an ${type} record holds no address`);
  }
  return record.data;
}

function negativeOf(record: ResourceRecord): { zone: Buffer; ttl: number; soa: SoaFields } {
  const soa = decodeSoa(record.rdata);
  return { zone: record.name, ttl: Math.min(record.ttl, soa.minimum), soa };
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`dns-packet: ${error instanceof Error ? error.message : String(error)}`);
  }
}
