/** Putting a received history on top of the zone it starts from. */
import type { ResourceRecord } from '../message.ts';
import { formatName, nameKey } from '../name.ts';
import { canonicalRdata, formatRdata } from '../rdata/index.ts';
import { typeToText } from '../types.ts';
import type { InboundStep } from './transfer.ts';
import { TransferError } from './transfer-error.ts';

/**
 * Gives the records after all steps; `records` and the result are without SOA. Exact: what is deleted has to be
 * there with the same TTL, what is added must not be.
 *
 * @throws TransferError
 */
export function applySteps(records: Iterable<ResourceRecord>, steps: InboundStep[]): ResourceRecord[] {
  const zone = new Map<string, ResourceRecord>();
  for (const record of records) zone.set(recordKey(record), record);
  for (const step of steps) {
    for (const record of step.deleted) {
      const key = recordKey(record);
      if (zone.get(key)?.ttl !== record.ttl) {
        throw new TransferError(
          'record to delete absent',
          `to be deleted but not there: ${describe(record)}`,
        );
      }
      zone.delete(key);
    }
    for (const record of step.added) {
      const key = recordKey(record);
      if (zone.has(key)) {
        throw new TransferError(
          'record to add present',
          `to be added but there already: ${describe(record)}`,
        );
      }
      zone.set(key, record);
    }
  }
  return [...zone.values()];
}

/** One text for all spellings of one record; TTL apart (RFC 2181, 5: equal but for TTL is a duplicate). */
export function recordKey(record: { name: Buffer; type: number; rdata: Buffer }): string {
  return `${nameKey(record.name)} ${record.type} ${canonicalRdata(record.type, record.rdata).toString('latin1')}`;
}

function describe(record: ResourceRecord): string {
  return `${formatName(record.name)} ${record.ttl} ${typeToText(record.type)} ${formatRdata(record.type, record.rdata)}`;
}
