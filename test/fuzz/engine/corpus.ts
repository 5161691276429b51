import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../corpus/', import.meta.url));

/** The kept inputs of a parser, by the names of their files. */
export function readCorpus(parser: string): Map<string, Buffer> {
  const folder = `${FOLDER}${parser}/`;
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  return new Map(names.map((name) => [name, readFileSync(folder + name)]));
}

/** Keeps an input under a name made of `prefix` and its content; gives the path. */
export function keep(parser: string, prefix: string, input: Buffer): string {
  const folder = `${FOLDER}${parser}/`;
  mkdirSync(folder, { recursive: true });
  const path = `${folder}${prefix}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`;
  writeFileSync(path, input);
  return path;
}
