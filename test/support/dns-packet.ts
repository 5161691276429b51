/**
 * A second opinion on the answers of resolvers, by dns-packet, to hold our own reader against. It loses octets of unusual names and checks no
 * lengths, so names come from our reader, and whatever it throws is a FormatError.
 */
import { isIP } from 'node:net';
import * as dnsPacket from 'dns-packet';
import { FormatError } from '../../src/dns/format-error.ts';
import { type Message, readMessage } from '../../src/dns/message.ts';
import { TYPE } from '../../src/dns/types.ts';

/** A record of a resolver's answer. Other types than these three stand in `Answer.message` only. */
export type AnswerRecord =
  /** `address` in the text of its family. */
  | { type: 'A' | 'AAAA'; name: Buffer; ttl: number; address: string }
  | { type: 'CNAME'; name: Buffer; ttl: number; target: Buffer };

export interface Answer {
  /** The whole message as our reader has it. */
  message: Message;
  records: AnswerRecord[];
}

/**
 * Reads a resolver's answer by both readers.
 *
 * @throws FormatError for what either can't read, and where they find different numbers of records
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
  return { message, records };
}

function addressOf(record: dnsPacket.Answer, type: 'A' | 'AAAA'): string {
  if (record.type !== type || isIP(record.data) !== (type === 'A' ? 4 : 6)) {
    throw new FormatError(`an ${type} record holds no address`);
  }
  return record.data;
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new FormatError(`dns-packet: ${error instanceof Error ? error.message : String(error)}`);
  }
}
