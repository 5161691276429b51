import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { removeEmbedded, startEmbedded } from '../../src/embedded/index.ts';
import { lay, type Size } from './dataset.ts';

/** A database with everything laid, in a folder of its own. */
export interface Stage {
  folder: string;
  databaseUrl: string;
  pool: pg.Pool;
  /** Has this done at the end, the last one first. */
  onEnd(act: () => unknown): void;
}

/** Lays the data set, measures, and removes everything. */
export async function onStage(size: Size, measure: (stage: Stage) => Promise<void>): Promise<void> {
  const ends: (() => unknown)[] = [];
  try {
    const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-sweep-'));
    await chmod(folder, 0o711);
    ends.push(() => rm(folder, { recursive: true, force: true }));
    const database = await startEmbedded(folder);
    ends.push(async () => {
      await database.leave();
      await removeEmbedded(folder);
    });
    const pool = new pg.Pool({ connectionString: database.url, max: 4, options: '-c zoneferry.service=on' });
    ends.push(() => pool.end());
    await lay(pool, size);
    await measure({ folder, databaseUrl: database.url, pool, onEnd: (act) => ends.push(act) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
