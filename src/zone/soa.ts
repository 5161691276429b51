import { absoluteName } from '../dns/name.ts';
import { canonicalRdata, encodeSoa, withSerial } from '../dns/rdata/index.ts';
import { TYPE } from '../dns/types.ts';

/** The columns of `zones` that make the SOA; times in seconds. */
export interface SoaColumns {
  primaryNs: string;
  contact: string;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

/** The rdata of the SOA made of these columns (RFC 1035, section 3.3.13). Throws NameError for a malformed name. */
export function soaRdata(columns: SoaColumns, serial: number): Buffer {
  return encodeSoa({
    mname: absoluteName(columns.primaryNs),
    rname: absoluteName(columns.contact),
    serial,
    refresh: columns.refresh,
    retry: columns.retry,
    expire: columns.expire,
    minimum: columns.minimum,
  });
}

/** Whether two SOAs differ in more than serial and spelling. */
export function soaDiffers(a: Buffer, b: Buffer): boolean {
  return !canonicalRdata(TYPE.SOA, withSerial(a, 0)).equals(canonicalRdata(TYPE.SOA, withSerial(b, 0)));
}
