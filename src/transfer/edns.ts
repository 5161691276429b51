import type { Message } from '../dns/message.ts';
import { PADDING_OPTION } from '../dns/padding.ts';
import { TYPE } from '../dns/types.ts';
import { PLAIN_UDP_BYTES, UDP_BYTES } from './limits.ts';
import type { Refusal } from './refusal.ts';

export type Transport = 'udp' | 'tcp' | 'tls';

/** What a request's OPT record asks of the reply (RFC 6891). */
export interface EdnsRequest {
  /** Octets that a reply over UDP may have: the lower of theirs and ours. */
  readonly udpBytes: number;
  readonly dnssecOk: boolean;
  /** RFC 7314: they want to know when the zone expires. */
  readonly expire: boolean;
  /** RFC 7828: they want to know how long a connection may rest. */
  readonly keepalive: boolean;
}

/** What stands in the OPT record of a reply; each option only where it was asked for. */
export interface EdnsReply {
  readonly dnssecOk: boolean;
  /** The upper eight bits of the response code. */
  readonly extendedRcode?: number;
  readonly expireSeconds?: number;
  readonly keepaliveMs?: number;
  /** Over TLS: every message of the reply is padded, and has OPT for it (RFC 7830, 4; RFC 9103, 7.9.1). */
  readonly isPadded?: boolean;
}

/** Reads the OPT record of a request: what it asks for, or why the request is refused. Unknown options are ignored. */
export function readEdns(message: Message, transport: Transport): { edns?: EdnsRequest; refusal?: Refusal } {
  const { opt } = message;
  if (opt === undefined) return {};
  const edns = {
    udpBytes: Math.max(PLAIN_UDP_BYTES, Math.min(opt.udpSize, UDP_BYTES)),
    dnssecOk: opt.dnssecOk,
    expire: opt.options.some((option) => option.code === OPTION.EXPIRE),
    keepalive: transport !== 'udp' && opt.options.some((option) => option.code === OPTION.KEEPALIVE),
  };
  if (opt.version > 0) {
    // RFC 6891, 6.1.3: whatever a later version means by its options and the rest of the message.
    return {
      edns: { ...edns, expire: false, keepalive: false },
      refusal: { reason: 'edns-version', detail: `EDNS version ${opt.version}, 0 is spoken here` },
    };
  }
  for (const option of opt.options) {
    const detail = wrongOption(option, transport);
    if (detail !== undefined) return { edns, refusal: { reason: 'malformed', detail } };
  }
  return { edns };
}

/**
 * The OPT record of a reply (RFC 6891, 6.1.2). Of our options none but padding is longer than eight octets.
 *
 * @param padding octets inside the padding option, where there is to be one
 */
export function encodeOpt(reply: EdnsReply, padding?: number): Buffer {
  const options: Buffer[] = [];
  if (reply.expireSeconds !== undefined) {
    const option = Buffer.alloc(8);
    option.writeUInt16BE(OPTION.EXPIRE, 0);
    option.writeUInt16BE(4, 2);
    option.writeUInt32BE(reply.expireSeconds >>> 0, 4);
    options.push(option);
  }
  if (reply.keepaliveMs !== undefined) {
    const option = Buffer.alloc(6);
    option.writeUInt16BE(OPTION.KEEPALIVE, 0);
    option.writeUInt16BE(2, 2);
    // RFC 7828, 3.1: units of 100 ms.
    option.writeUInt16BE(Math.min(0xffff, Math.floor(reply.keepaliveMs / 100)), 4);
    options.push(option);
  }
  if (padding !== undefined) {
    // RFC 7830, 3: the padding itself is zeros.
    const option = Buffer.alloc(4 + padding);
    option.writeUInt16BE(PADDING_OPTION, 0);
    option.writeUInt16BE(padding, 2);
    options.push(option);
  }
  const rdata = Buffer.concat(options);
  const head = Buffer.alloc(11);
  head.writeUInt16BE(TYPE.OPT, 1);
  head.writeUInt16BE(UDP_BYTES, 3);
  head.writeUInt8(reply.extendedRcode ?? 0, 5);
  head.writeUInt16BE(reply.dnssecOk ? 0x8000 : 0, 7);
  head.writeUInt16BE(rdata.length, 9);
  return Buffer.concat([head, rdata]);
}

const OPTION = { EXPIRE: 9, COOKIE: 10, KEEPALIVE: 11 } as const;

/** Whether a message carries a COOKIE option, the one thing that may come without a question (RFC 7873, 5.4). */
export function hasCookie(message: Message): boolean {
  return message.opt?.options.some((option) => option.code === OPTION.COOKIE) ?? false;
}

function wrongOption(option: { code: number; data: Buffer }, transport: Transport): string | undefined {
  const { code, data } = option;
  // RFC 7828, 3.2.1: a client's option is empty; over UDP it is ignored.
  if (code === OPTION.KEEPALIVE && transport !== 'udp' && data.length !== 0) {
    return `the keepalive option has ${data.length} octets, none are expected of a client`;
  }
  // RFC 7873, 5.2.2.
  if (code === OPTION.COOKIE && data.length !== 8 && (data.length < 16 || data.length > 40)) {
    return `the cookie option has ${data.length} octets, 8 or 16 to 40 are expected`;
  }
  return undefined;
}
