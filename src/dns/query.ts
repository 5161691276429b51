/** Building requests: queries for SOA, AXFR and IXFR, and what else asks one question (RFC 1035, 4.1; RFC 1995, 3). */
import { headerFlags } from './message.ts';
import { CLASS_IN, OPCODE, TYPE } from './types.ts';
import { type EdnsFields, MessageWriter } from './writer.ts';

export interface QueryFields {
  id: number;
  name: Buffer;
  type: number;
  /** Default QUERY. */
  opcode?: number;
  /** Recursion desired. Default no. */
  rd?: boolean;
  /** Whether to be told that the answer was validated (RFC 6840, 5.7). Default no. */
  ad?: boolean;
  edns?: EdnsFields;
  /** Rdata of the client's SOA, for IXFR (RFC 1995, 3); see `serialSoa`. */
  authoritySoa?: Buffer;
}

/** Gives the request's octets, class IN. */
export function buildQuery(fields: QueryFields): Buffer {
  const writer = new MessageWriter({ limit: 65_535 }).header({
    id: fields.id,
    flags: headerFlags({
      opcode: fields.opcode ?? OPCODE.QUERY,
      rd: fields.rd === true,
      ad: fields.ad === true,
    }),
  });
  writer.question(questionOf(fields.name, fields.type));
  if (fields.authoritySoa !== undefined) {
    writer.record(fields.name, TYPE.SOA, CLASS_IN, 0, fields.authoritySoa, 'authority');
  }
  if (fields.edns !== undefined) writer.opt(fields.edns);
  return writer.finish();
}

/** The octets of a question in class IN. */
export function questionOf(name: Buffer, type: number): Buffer {
  const wire = Buffer.allocUnsafe(name.length + 4);
  name.copy(wire);
  wire.writeUInt16BE(type, name.length);
  wire.writeUInt16BE(CLASS_IN, name.length + 2);
  return wire;
}

/** SOA rdata with a serial and nothing else, all that an IXFR request needs (RFC 1995, 3). */
export function serialSoa(serial: number): Buffer {
  // The root as MNAME and RNAME, then serial, refresh, retry, expire, minimum.
  const rdata = Buffer.alloc(22);
  rdata.writeUInt32BE(serial, 2);
  return rdata;
}
