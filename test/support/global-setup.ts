import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { removeEmbedded, startEmbedded } from '../../src/embedded/index.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A PostgreSQL on which databases may be made. */
    databaseServer: string;
  }
}

/** One PostgreSQL for the whole run: DATABASE_URL_FOR_TESTS, or an embedded one in a folder of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.DATABASE_URL_FOR_TESTS;
  if (given) {
    project.provide('databaseServer', given);
    return async () => undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-tests-'));
  // For root: the database's user has to pass through.
  await chmod(folder, 0o711);
  const embedded = await startEmbedded(folder);
  project.provide('databaseServer', embedded.url);
  return async () => {
    await embedded.leave();
    await removeEmbedded(folder);
    await rm(folder, { recursive: true, force: true });
  };
}
