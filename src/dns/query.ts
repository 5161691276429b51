/** Building requests: queries for SOA, AXFR and IXFR, and what else asks one question (RFC 1035, 4.1; RFC 1995, 3). */
import { headerFlags } from './message.ts';
import { PADDING_OPTION, paddingOctets, QUERY_BLOCK } from './padding.ts';
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
  /** Fills OPT up to whole blocks, for what travels encrypted (RFC 8467, 4.1). Only with `edns`. */
  padded?: boolean;
  /** Rdata of the client's SOA, for IXFR (RFC 1995, 3); see `serialSoa`. */
  authoritySoa?: Buffer;
}

/** Gives the request's octets, class IN. */
export function buildQuery(fields: QueryFields): Buffer {
  // A lone question has nothing to compress, and the memory of compression costs more than all the rest.
  const compress = fields.authoritySoa !== undefined;
  const writer = new MessageWriter({ limit: 65_535, compress }).header({
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
  if (fields.edns !== undefined)
    writer.opt(fields.padded === true ? padded(fields.edns, writer.length) : fields.edns);
  return writer.finish();
}

/** OPT with padding behind its other options, for a message that is `octets` long without OPT. */
function padded(edns: EdnsFields, octets: number): EdnsFields {
  const options = edns.options ?? [];
  const length = octets + OPT_HEAD + options.reduce((sum, { data }) => sum + 4 + data.length, 0);
  const room = paddingOctets(length, 65_535, QUERY_BLOCK);
  if (room === undefined) return edns;
  return { ...edns, options: [...options, { code: PADDING_OPTION, data: Buffer.alloc(room) }] };
}

/** Octets of OPT without options (RFC 6891, 6.1.2). */
const OPT_HEAD = 11;

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
