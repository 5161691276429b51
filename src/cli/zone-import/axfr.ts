import { getHeapStatistics } from 'node:v8';
import { systemClock } from '../../clock.ts';
import { TransferError } from '../../dns/inbound.ts';
import type { ResourceRecord } from '../../dns/message.ts';
import { absoluteName, formatName } from '../../dns/name.ts';
import { formatRdata } from '../../dns/rdata/index.ts';
import type { TsigKey } from '../../dns/tsig.ts';
import type { ZoneFileRecord } from '../../dns/zonefile/index.ts';
import { type Endpoint, formatEndpoint } from '../../endpoint.ts';
import { messageOf, UserError } from '../../errors.ts';
import { fetchZone } from '../../transfer/fetch-zone.ts';
import type { ImportSource } from './reader.ts';

/** PowerDNS's ALIAS, where it sends it as it is: the data are the target's name, not compressed. No assigned number. */
const TYPE_ALIAS = 65401;
const LONGEST = 10 * 60_000; // ms
/** From one message to the next. */
const LONGEST_PAUSE = 30_000; // ms
/** What a record takes of the heap, beside its name and data. */
const OCTETS_OF_RECORD = 380;
/** Of names and data, which lie outside the heap: the system ends a process that wants more than there is. */
const MOST_OCTETS = Math.min(1_000_000_000, Math.floor(process.availableMemory() / 2));
/** Of the heap's bound, what young objects take: no place for a zone. */
const OCTETS_OF_THE_YOUNG = 210_000_000;
/** What half of the heap holds: a full heap ends the process without a word. */
const MOST_RECORDS = Math.floor(
  Math.max(getHeapStatistics().heap_size_limit - OCTETS_OF_THE_YOUNG, 2 ** 26) / 2 / OCTETS_OF_RECORD,
);

/**
 * A zone of another primary, by AXFR (RFC 5936), as the source of an import.
 *
 * @throws UserError in words, where the primary refuses, breaks off, stands still, or sends more than fits in memory
 */
export async function axfrSource(
  zone: string,
  primary: Endpoint,
  key: TsigKey | undefined,
): Promise<ImportSource> {
  const origin = absoluteName(zone);
  const label = `${zone} of ${formatEndpoint(primary)}`;
  const result = await fetchZone({
    primary,
    zone: origin,
    key,
    clock: systemClock,
    timeoutMs: LONGEST,
    messageMs: LONGEST_PAUSE,
    maxRecords: MOST_RECORDS,
    maxOctets: MOST_OCTETS,
    withoutAa: true,
  }).catch((error: unknown) => {
    throw new UserError(`${label}: ${inWords(error, key)}`);
  });
  if (result.kind !== 'axfr') throw new UserError(`${label}: no whole zone came`);
  const { soa, records } = result;
  return {
    label,
    noun: 'the primary',
    statedOrigin: origin,
    *records() {
      yield toRecord(soa);
      for (const record of records) yield toRecord(record);
    },
    problem: (_line, what) => new UserError(`${label}: ${what}`),
  };
}

function toRecord(record: ResourceRecord): ZoneFileRecord {
  const { name, type, ttl, rdata } = record;
  if (type === TYPE_ALIAS && isAliasRdata(rdata))
    return { name, type: 'ALIAS', ttl, rdata, text: formatName(rdata), line: 0 };
  return { name, type, ttl, rdata, text: formatRdata(type, rdata), line: 0 };
}

/** Whether these octets of TYPE65401 are one name and nothing else: others use the same number for something else. */
export function isAliasRdata(rdata: Buffer): boolean {
  let at = 0;
  for (;;) {
    const length = rdata[at];
    if (length === undefined || length > 63) return false;
    at += length + 1;
    if (length === 0) return at === rdata.length && at > 1 && at <= 255;
  }
}

function inWords(error: unknown, key: TsigKey | undefined): string {
  if (error instanceof TransferError && error.rcode !== 0)
    return `${error.message}: it has to allow AXFR from here${key ? ` with the key ${formatName(key.name)}` : ', or with a key: --key'}`;
  if (error instanceof TransferError && error.fault === 'over the limit')
    return `${error.message}, which is the most that fits this process (NODE_OPTIONS=--max-old-space-size=MB gives it more): nothing was imported`;
  if (error instanceof Error && error.name === 'TimeoutError') return 'not done after ten minutes';
  return messageOf(error);
}
