import { HEADER_LENGTH } from '../../dns/message.ts';
import { equalNames, readName } from '../../dns/name.ts';
import { readRdata, soaSerial } from '../../dns/rdata/index.ts';
import { CLASS_IN, OPCODE, TYPE } from '../../dns/types.ts';
import { PLAIN_UDP_BYTES, UDP_BYTES } from '../limits.ts';

/** What a plain request asks. */
export interface PlainQuestion {
  readonly type: typeof TYPE.SOA | typeof TYPE.AXFR | typeof TYPE.IXFR;
  /** Where the name ends, with its root octet; the question ends four octets later. */
  readonly nameEnd: number;
  /** The serial that an IXFR client has. */
  readonly fromSerial: number | undefined;
  /** Whether OPT came along, so that one goes back. */
  readonly edns: boolean;
  readonly dnssecOk: boolean;
  /** RFC 7314. */
  readonly expire: boolean;
  /** Octets that a reply over UDP may have. */
  readonly udpBytes: number;
}

/**
 * Reads the one form that nearly all requests have: a query for SOA, AXFR or IXFR in class IN, nothing beside it but the SOA of an IXFR
 * client, and OPT with no option or with EXPIRE. Undefined for everything else, whether there is something wrong with it or not: `parseRequest` knows.
 */
export function readPlainQuestion(bytes: Buffer): PlainQuestion | undefined {
  const { length } = bytes;
  if (length < HEADER_LENGTH + 5) return undefined;
  // QR, opcode, AA and TC are clear; of the second octet AD and CD may be set
  if ((bytes[2]! & 0xfe) !== OPCODE.QUERY << 3 || (bytes[3]! & 0xcf) !== 0) return undefined;
  if (count(bytes, 4) !== 1 || count(bytes, 6) !== 0) return undefined;
  const additionals = count(bytes, 10);
  let at = HEADER_LENGTH;
  for (let octets = bytes[at]!; octets !== 0; octets = bytes[at]!) {
    if (octets > LONGEST_LABEL) return undefined;
    at += octets + 1;
    if (at >= length) return undefined;
  }
  const nameEnd = at + 1;
  if (nameEnd - HEADER_LENGTH > LONGEST_NAME || nameEnd + 4 > length) return undefined;
  const type = count(bytes, nameEnd);
  if (
    (type !== TYPE.SOA && type !== TYPE.AXFR && type !== TYPE.IXFR) ||
    count(bytes, nameEnd + 2) !== CLASS_IN
  )
    return undefined;
  if (count(bytes, 8) !== (type === TYPE.IXFR ? 1 : 0)) return undefined;
  const client = type === TYPE.IXFR ? clientSoa(bytes, nameEnd) : undefined;
  if (type === TYPE.IXFR && client === undefined) return undefined;
  const fromSerial = client?.serial;
  const end = client?.end ?? nameEnd + 4;
  if (additionals === 0) {
    return end === length
      ? { type, nameEnd, fromSerial, edns: false, dnssecOk: false, expire: false, udpBytes: PLAIN_UDP_BYTES }
      : undefined;
  }
  // RFC 6891, 6.1.2: root, type, size, extended rcode, version, flags, length
  if (additionals !== 1 || length < end + 11 || bytes[end] !== 0 || count(bytes, end + 1) !== TYPE.OPT)
    return undefined;
  if (count(bytes, end + 5) !== 0 || (count(bytes, end + 7) & 0x7fff) !== 0) return undefined;
  const options = count(bytes, end + 9);
  const expire =
    options === 4 && length === end + 15 && count(bytes, end + 11) === EXPIRE && count(bytes, end + 13) === 0;
  if (!expire && (options !== 0 || length !== end + 11)) return undefined;
  return {
    type,
    nameEnd,
    fromSerial,
    edns: true,
    dnssecOk: bytes[end + 7] !== 0,
    expire,
    udpBytes: Math.max(PLAIN_UDP_BYTES, Math.min(count(bytes, end + 3), UDP_BYTES)),
  };
}

/** RFC 1995, 3: the SOA of the same name, of which the serial alone counts. */
function clientSoa(bytes: Buffer, nameEnd: number): { serial: number; end: number } | undefined {
  try {
    const { name, next } = readName(bytes, nameEnd + 4);
    const data = next + 10;
    if (count(bytes, next) !== TYPE.SOA || count(bytes, next + 2) !== CLASS_IN) return undefined;
    if (data > bytes.length || !equalNames(name, bytes.subarray(HEADER_LENGTH, nameEnd))) return undefined;
    const octets = count(bytes, next + 8);
    return { serial: soaSerial(readRdata(TYPE.SOA, bytes, data, octets)), end: data + octets };
  } catch {
    return undefined;
  }
}

const LONGEST_LABEL = 63;
const LONGEST_NAME = 255;
const EXPIRE = 9;

function count(bytes: Buffer, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
