import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { ZoneFileError } from '../../dns/zonefile/index.ts';
import { ZoneFileParser } from '../../dns/zonefile/parser.ts';
import { UserError } from '../../errors.ts';
import type { ImportSource } from './reader.ts';

/** A master file as the source of an import; `-` is standard input. */
export async function fileSource(path: string, origin: string | undefined): Promise<ImportSource> {
  const label = path === '-' ? 'standard input' : path;
  const parser = new ZoneFileParser(await readText(path), { file: label, origin });
  return {
    label,
    noun: 'the file',
    statedOrigin: parser.statedOrigin,
    get firstOrigin() {
      return parser.firstOrigin;
    },
    records: () => parser.records(),
    problem: (line, what) => new ZoneFileError(label, line, what),
  };
}

async function readText(file: string): Promise<string> {
  if (file === '-') return textOf(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(code === 'ENOENT' ? `${file}: no such file` : `${file} can't be read: ${message}`);
  }
}
