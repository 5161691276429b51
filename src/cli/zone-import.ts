import { systemClock } from '../clock.ts';
import type { Endpoint } from '../endpoint.ts';
import { UserError } from '../errors.ts';
import { importZone } from '../store/import.ts';
import { zoneName } from './arguments.ts';
import { type Session, withDatabase } from './database.ts';
import { axfrSource } from './zone-import/axfr.ts';
import { fileSource } from './zone-import/file.ts';
import { keyOf } from './zone-import/key.ts';
import { ImportReader, type ImportSource } from './zone-import/reader.ts';
import { report } from './zone-import/report.ts';

interface ImportOptions {
  origin?: string;
  fromAxfr?: Endpoint;
  key?: string;
  json?: boolean;
}

/** `zone import`: from a master file, or with `--from-axfr` from another primary; then `from` is the zone's name. */
export async function importFile(from: string, options: ImportOptions): Promise<void> {
  const { fromAxfr, key, origin } = options;
  if (fromAxfr === undefined && key !== undefined)
    throw new UserError('option --key signs the AXFR of --from-axfr: give that too', 2);
  // before the database is asked for: what can't be read is said at once
  const file = fromAxfr ? undefined : await fileSource(from, origin);
  const zone = fromAxfr ? zoneName(from) : '';
  const { imported, reader } = await withDatabase(async (session) => {
    const source =
      file ??
      (await axfrSource(
        zone,
        fromAxfr as Endpoint,
        key === undefined ? undefined : await keyOf(key, session),
      ));
    return importFrom(source, session);
  });
  report(imported, reader, options.json ?? false);
}

async function importFrom(source: ImportSource, { pool, config }: Session) {
  const reader = new ImportReader(source);
  const imported = await importZone(pool, reader.rows(), () => ({
    zone: reader.zone(),
    soa: reader.soa,
    serialPolicy: config.serialPolicy,
    now: systemClock.now(),
  }));
  if (imported.kind === 'conflict') throw source.problem(imported.conflict.line, imported.conflict.message);
  if (imported.kind === 'no-soa')
    throw source.problem(0, `no SOA record, and there is no zone ${reader.zone()} yet: a new zone needs one`);
  return { imported, reader };
}
