import type { OpenVersion } from '../zone/version.ts';
import type { Client, Pool } from './pool.ts';
import { copyRecords, RECORD_COLUMNS, RowPacker } from './record-copy.ts';
import { publishedZone, ZONE_COLUMNS, type ZoneRow } from './versions.ts';

/** A zone of up to so many records comes whole with its row, in one statement. */
const SMALL_ZONE = 200;

/**
 * One version of a zone with its records, read in one snapshot. What it holds is given back when the last batch is taken, or the loop
 * left. `byType` orders the records of each owner by type as well, which takes half as long again in a large zone. Undefined: the
 * zone is gone or has no version.
 */
export async function openVersion(
  pool: Pool,
  zoneId: string,
  options: { byType?: boolean } = {},
): Promise<OpenVersion | undefined> {
  const small = await readSmall(pool, zoneId);
  if (small !== 'large') return small;
  const client = await pool.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    const { rows } = await client.query<ZoneRow>(`select ${ZONE_COLUMNS} from zones where id = $1::bigint`, [
      zoneId,
    ]);
    const zone = rows[0] && publishedZone(rows[0]);
    if (!zone) {
      await client.query('rollback');
      client.release();
      return undefined;
    }
    return {
      zone,
      batches: readLarge(client, zoneId, options.byType ? 'zone_id, owner, type, id' : 'zone_id, owner'),
    };
  } catch (error) {
    client.release(error as Error);
    throw error;
  }
}

/** The rows as COPY would send them, in one value. `record_count` only chooses the way, so it need not be exact. */
async function readSmall(pool: Pool, zoneId: string): Promise<OpenVersion | 'large' | undefined> {
  const { rows } = await pool.query<ZoneRow & { is_small: boolean; records: Buffer | null }>({
    name: 'small version',
    text: `select ${ZONE_COLUMNS}, record_count <= ${SMALL_ZONE} as is_small,
        case when record_count <= ${SMALL_ZONE} then (
          select string_agg(int2send(4::int2) || int4send(octet_length(name)) || convert_to(name, 'UTF8')
            || int4send(octet_length(type)) || convert_to(type, 'UTF8') || int4send(4) || int4send(ttl)
            || int4send(octet_length(rdata)) || rdata, ''::bytea order by owner, type, id)
          from transfer_records where zone_id = zones.id) end as records
      from zones where id = $1::bigint`,
    values: [zoneId],
  });
  const row = rows[0];
  const zone = row && publishedZone(row);
  if (!zone) return undefined;
  if (!row.is_small) return 'large';
  return { zone, batches: oneBatch(row.records ?? Buffer.alloc(0)) };
}

async function* oneBatch(rows: Buffer): AsyncGenerator<Buffer> {
  const packer = new RowPacker(rows.length);
  for (let at = 0; at < rows.length; ) at = packer.add(rows, at);
  yield packer.take();
}

async function* readLarge(client: Client, zoneId: string, order: string): AsyncGenerator<Buffer> {
  // a client left in the middle of a COPY is of no use to anybody
  let unusable: Error | undefined = new Error('a version was not read to its end');
  try {
    yield* copyRecords(
      client,
      `select ${RECORD_COLUMNS} from transfer_records where zone_id = ${BigInt(zoneId)} order by ${order}`,
    );
    unusable = undefined;
    await client.query('rollback');
  } catch (error) {
    unusable = error as Error;
    throw error;
  } finally {
    client.release(unusable);
  }
}
