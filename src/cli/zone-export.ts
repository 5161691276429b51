import { absoluteName, formatName } from '../dns/name.ts';
import { formatRdata, parseRdata } from '../dns/rdata/index.ts';
import { TYPE, typeFromText, typeToText } from '../dns/types.ts';
import { formatRecordLine } from '../dns/zonefile/index.ts';
import { messageOf, UserError } from '../errors.ts';
import { openVersion } from '../store/open-version.ts';
import type { Pool } from '../store/pool.ts';
import { listRecords } from '../store/records.ts';
import { findZone, type Zone } from '../store/zones.ts';
import type { AliasOptions } from '../zone/record.ts';
import { soaRdata } from '../zone/soa.ts';
import { unpackRecords } from '../zone/version.ts';
import { OPTIONS_COMMENT, optionsInWords } from './alias-options.ts';
import { withDatabase } from './database.ts';
import { warn, write, writeJsonArray } from './output.ts';
import { noZone } from './zone-show.ts';

/** A record as the export prints it. */
interface Line {
  name: string;
  ttl: number;
  type: string;
  content: string;
  /** Of an ALIAS of the source. */
  options?: AliasOptions | null;
}

export async function exportZone(name: string, options: { source?: boolean; json?: boolean }): Promise<void> {
  await withDatabase(async ({ pool }) => {
    const zone = await findZone(pool, name);
    if (!zone) throw noZone(name);
    const { serial, lines } = options.source ? sourceOf(pool, zone) : await publishedOf(pool, zone);
    if (options.json) {
      const before = `{"zone":${JSON.stringify(zone.name)},"serial":${serial},"records":`;
      await writeJsonArray(lines, { before, after: '}' });
      return;
    }
    for await (const batch of lines) {
      const texts = batch.map(({ name, ttl, type, content, options = null }) => {
        const words = optionsInWords(options);
        return `${formatRecordLine(name, ttl, type, content)}${words ? ` ${OPTIONS_COMMENT} ${words}` : ''}`;
      });
      await write(`${texts.join('\n')}\n`);
    }
  });
}

interface Export {
  serial: number;
  lines: AsyncIterable<Line[]>;
}

/** One published version, as a transfer would give it. */
async function publishedOf(pool: Pool, zone: Zone): Promise<Export> {
  const version = await openVersion(pool, zone.id, { byType: true });
  if (!version)
    throw new UserError(
      `zone ${zone.name} has no published version: ${zone.problem ?? 'no service has published it yet'}`,
    );
  async function* lines(opened: NonNullable<typeof version>): AsyncGenerator<Line[]> {
    yield [
      {
        name: zone.name,
        ttl: opened.zone.soaTtl,
        type: 'SOA',
        content: formatRdata(TYPE.SOA, opened.zone.soa),
      },
    ];
    for await (const batch of opened.batches) {
      yield unpackRecords(batch).map((record) => ({
        name: formatName(record.name),
        ttl: record.ttl,
        type: typeToText(record.type),
        content: formatRdata(record.type, record.rdata),
      }));
    }
  }
  return { serial: version.zone.serial, lines: lines(version) };
}

/** The rows of `records` that are enabled, behind the SOA that the zone has or would get. */
function sourceOf(pool: Pool, zone: Zone): Export {
  async function* lines(): AsyncGenerator<Line[]> {
    yield [
      {
        name: zone.name,
        ttl: zone.soaTtl,
        type: 'SOA',
        content: formatRdata(TYPE.SOA, soaRdata(zone, zone.serial)),
      },
    ];
    for await (const batch of listRecords(pool, zone.id)) {
      yield batch.flatMap((record) => {
        if (record.disabled) return [];
        const content = normalContent(record);
        if (content === undefined) return [];
        const { name, ttl, type, options } = record;
        return [{ name, ttl, type, content, ...(options ? { options } : {}) }];
      });
    }
  }
  return { serial: zone.serial, lines: lines() };
}

/** Names inside are absolute in SQL, with or without the final dot; a file takes them with it. */
function normalContent(record: { name: string; type: string; content: string }): string | undefined {
  try {
    if (record.type === 'ALIAS') return formatName(absoluteName(record.content));
    const type = typeFromText(record.type) ?? 0;
    return formatRdata(type, parseRdata(type, record.content));
  } catch (error) {
    warn(`record ${record.name} ${record.type} is set aside and left out: ${messageOf(error)}`);
    return undefined;
  }
}
