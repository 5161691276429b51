import { formatName } from '../../../src/dns/name.ts';
import { parseZoneFile } from '../../../src/dns/zonefile/index.ts';

/** The records of a zone file that holds standard types alone, as `zoneferry zone export` prints it, each as `canonicalRecord` has it. */
export function exportedSet(text: string): Set<string> {
  const records = new Set<string>();
  for (const { name, ttl, type, rdata } of parseZoneFile(text).records) {
    if (type === 'ALIAS') throw new Error('the export for secondaries holds an ALIAS');
    records.add(canonicalRecord(formatName(name), ttl, type, rdata));
  }
  return records;
}

/**
 * One record as text in which two servers' copies are alike when the records are: owner in lower case, TTL, type number
 * and the rdata as octets (RFC 3597, section 5), with the names in it in lower case (RFC 4034, section 6.2, and SVCB and HTTPS,
 * whose target NSD stores so). Written apart from the product's own canonical form, which it judges.
 */
export function canonicalRecord(owner: string, ttl: number, type: number, rdata: Buffer): string {
  const octets = lowerNames(type, rdata);
  return `${owner.toLowerCase()} ${ttl} TYPE${type} \\# ${octets.length} ${octets.toString('hex')}`;
}

/** One line a record that is in one of the sets alone; none when they are equal. */
export function differences(found: Set<string>, expected: Set<string>): string[] {
  return [
    ...[...expected].filter((record) => !found.has(record)).map((record) => `missing: ${record}`),
    ...[...found].filter((record) => !expected.has(record)).map((record) => `too much: ${record}`),
  ];
}

/** Octets before the names, and how many names follow. What stands behind them stays. */
const NAMES: Record<number, { before: (rdata: Buffer) => number; count: number }> = {
  2: { before: () => 0, count: 1 }, // NS
  5: { before: () => 0, count: 1 }, // CNAME
  6: { before: () => 0, count: 2 }, // SOA
  12: { before: () => 0, count: 1 }, // PTR
  15: { before: () => 2, count: 1 }, // MX
  17: { before: () => 0, count: 2 }, // RP
  18: { before: () => 2, count: 1 }, // AFSDB
  33: { before: () => 6, count: 1 }, // SRV
  35: { before: behindThreeStrings, count: 1 }, // NAPTR
  39: { before: () => 0, count: 1 }, // DNAME
  64: { before: () => 2, count: 1 }, // SVCB
  65: { before: () => 2, count: 1 }, // HTTPS
};

function behindThreeStrings(rdata: Buffer): number {
  let at = 4;
  for (let strings = 0; strings < 3; strings++) at += 1 + (rdata[at] ?? 0);
  return at;
}

function lowerNames(type: number, rdata: Buffer): Buffer {
  const names = NAMES[type];
  if (!names) return rdata;
  const octets = Buffer.from(rdata);
  let at = names.before(rdata);
  for (let count = 0; count < names.count; count++) {
    for (let length = octets[at++] ?? 0; length > 0; length = octets[at++] ?? 0) {
      for (const end = at + length; at < end; at++) {
        const octet = octets[at] ?? 0;
        if (octet >= 0x41 && octet <= 0x5a) octets[at] = octet + 0x20;
      }
    }
  }
  return octets;
}
