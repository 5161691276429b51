import type { Clock } from '../clock.ts';
import { headerFlags, type Message, readMessage } from '../dns/message.ts';
import { equalNames } from '../dns/name.ts';
import { questionOf } from '../dns/query.ts';
import { signRequest, type TsigKey, TsigVerifier, tsigLength } from '../dns/tsig.ts';
import { CLASS_IN, OPCODE, rcodeToText, TYPE } from '../dns/types.ts';
import { MessageWriter } from '../dns/writer.ts';
import { messageOf } from '../errors.ts';

/** What a NOTIFY says, and the key that it is signed with. */
export interface Announcement {
  /** The zone's name on the wire. */
  zoneWire: Buffer;
  /** Rdata of its SOA. */
  soa: Buffer;
  /** Seconds. */
  soaTtl: number;
  key?: TsigKey;
}

/** Octets that every secondary takes over UDP, as a NOTIFY goes out without EDNS. */
const UDP_LIMIT = 512;

/**
 * Builds the request of RFC 1996, 3.7 and 4.5: opcode NOTIFY, AA, the zone's SOA as question, and as answer. The answer is a
 * hint and is left out where the message would not fit UDP.
 *
 * @param now milliseconds, for the signature
 * @returns the octets, and where they are signed the MAC that the reply is verified with
 */
export function buildNotify(
  { zoneWire, soa, soaTtl, key }: Announcement,
  id: number,
  now: number,
): { bytes: Buffer; mac?: Buffer } {
  const question = questionOf(zoneWire, TYPE.SOA);
  const reserve = Math.min(key === undefined ? 0 : tsigLength(key), UDP_LIMIT - 12);
  const writer = new MessageWriter({ limit: UDP_LIMIT, reserve });
  writer.header({ id, flags: headerFlags({ opcode: OPCODE.NOTIFY, aa: true }) }).question(question);
  writer.record(zoneWire, TYPE.SOA, CLASS_IN, soaTtl, soa);
  const bytes = writer.finish();
  return key === undefined ? { bytes } : signRequest(bytes, key, now);
}

export type Acknowledgement =
  /** The secondary has heard us, and says what it thinks of it. */
  | { kind: 'answered'; rcode: number }
  /** Not the reply, or one that can't be believed: the wait goes on. */
  | { kind: 'ignored'; why: string };

/**
 * Judges what came back from the right address with the right id (RFC 1996, 4.7): a reply, opcode NOTIFY, the same question if it
 * has one at all (NSD's errors are a bare header), and signed if the request was.
 */
export function readAcknowledgement(
  bytes: Buffer,
  { zoneWire, key }: Announcement,
  mac: Buffer | undefined,
  clock: Clock,
): Acknowledgement {
  let message: Message;
  try {
    message = readMessage(bytes);
  } catch (error) {
    return ignored(`it is malformed: ${messageOf(error)}`);
  }
  if (!message.qr) return ignored('it is no reply');
  if (message.opcode !== OPCODE.NOTIFY) return ignored(`its opcode is ${message.opcode}`);
  if (!isAboutZone(message, zoneWire)) return ignored('it is about another question');
  if (key !== undefined && mac !== undefined) {
    try {
      const verifier = new TsigVerifier(key, mac, clock);
      verifier.verify(bytes, message);
      verifier.finish();
    } catch (error) {
      return ignored(
        `${rcodeToText(message.rcode)} without a signature that can be believed: ${messageOf(error)}`,
      );
    }
  }
  return { kind: 'answered', rcode: message.rcode };
}

function isAboutZone({ questions }: Message, zone: Buffer): boolean {
  const [question, ...others] = questions;
  if (question === undefined) return true;
  return (
    others.length === 0 &&
    question.type === TYPE.SOA &&
    question.class === CLASS_IN &&
    equalNames(question.name, zone)
  );
}

function ignored(why: string): Acknowledgement {
  return { kind: 'ignored', why };
}
