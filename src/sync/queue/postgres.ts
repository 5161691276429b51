import {
  assertSchemaCompatibility,
  LATEST_SCHEMA_VERSION,
  runMigrations,
  SchemaMigrationRequiredError,
} from 'bullmq';
import pg from 'pg';
import type { Backend } from './backend.ts';

const SCHEMA = 'bullmq';
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;

/** BullMQ on PostgreSQL, in the schema `bullmq`. */
export function openPostgres(databaseUrl: string): Omit<Backend, 'factory'> {
  const connection = { ...splitOptions(databaseUrl), connectionTimeoutMillis: CONNECT_TIMEOUT_MS };
  return {
    kind: 'postgresql',
    options: { connection: { ...connection, schema: SCHEMA, max: 4, keepAlive: true } },
    mend: () => mend(connection),
    isAway,
    giveUp() {},
  };
}

/**
 * BullMQ finds its tables by a search_path in `options`, and the driver lets `options` of the URL win over that: so
 * they are handed over apart, for BullMQ to add to.
 */
function splitOptions(databaseUrl: string): { connectionString: string; options?: string } {
  if (!URL.canParse(databaseUrl)) return { connectionString: databaseUrl };
  const url = new URL(databaseUrl);
  const options = url.searchParams.get('options');
  if (options === null) return { connectionString: databaseUrl };
  url.searchParams.delete('options');
  return { connectionString: url.href, options };
}

async function mend(connection: pg.ClientConfig): Promise<boolean> {
  const client = new pg.Client({ ...connection, statement_timeout: STATEMENT_TIMEOUT_MS });
  client.on('error', () => undefined);
  await client.connect();
  try {
    // Looked at first, as a role that may not make schemas can do with one that is made.
    if (await isCurrent(client)) return false;
    await runMigrations(client, SCHEMA);
    return true;
  } finally {
    await client.end();
  }
}

async function isCurrent(client: pg.Client): Promise<boolean> {
  try {
    return (await assertSchemaCompatibility(client, SCHEMA)) >= LATEST_SCHEMA_VERSION;
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError) return false;
    throw error;
  }
}

/** Connection exceptions, too many clients, starting up or shutting down, and whatever the network says. */
function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return /^(08...|53300|57P0.|E[A-Z_]+)$/.test(code) || /timeout|terminated|closed/i.test(error.message);
}
