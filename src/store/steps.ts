import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Client, Pool } from './pool.ts';

const FOLDER = fileURLToPath(new URL('../../sql/', import.meta.url));

/** A step of the schema: a file of `sql/`. */
export interface Step {
  name: string;
  text: string;
  /**
   * Why no process that doesn't know this step may run beside it or after it. A line `-- stands alone: REASON` in the comment that the
   * file begins with says so; null: there is none, processes of before go on.
   */
  standsAlone: string | null;
}

/** The names of the steps that this version knows, in their order. */
export async function stepNames(folder = FOLDER): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).sort();
}

/** One of them, read. */
export async function readStep(name: string, folder = FOLDER): Promise<Step> {
  const text = await readFile(`${folder}/${name}`, 'utf8');
  const head = /^(?:--.*\n|\n)*/.exec(text)?.[0] ?? '';
  return { name, text, standsAlone: /^-- stands alone: *(\S.*)$/m.exec(head)?.[1]?.trim() ?? null };
}

/** Steps that a database has not seen, and those that it has seen and we don't know. Changes nothing. */
export async function missingSteps(pool: Pool): Promise<{ missing: string[]; unknown: string[] }> {
  const steps = await stepNames();
  const { rows } = await pool
    .query<{ name: string }>('select name from zoneferry_migrations')
    .catch((error: { code?: string }) => {
      if (error.code === '42P01') return { rows: [] };
      throw error;
    });
  const made = new Set(rows.map((row) => row.name));
  return {
    missing: steps.filter((name) => !made.has(name)),
    unknown: [...made].filter((name) => !steps.includes(name)),
  };
}

/** Steps made in a database that are none of `known`. */
export async function unknownSteps(
  db: Pool | Client,
  known: readonly string[],
): Promise<Pick<Step, 'name' | 'standsAlone'>[]> {
  const { rows } = await db.query<{ name: string; reason: string | null }>({
    name: 'unknown steps',
    text: 'select name, stands_alone as reason from zoneferry_migrations where name <> all ($1::text[]) order by name',
    values: [known],
  });
  return rows.map(({ name, reason }) => ({ name, standsAlone: reason }));
}
