import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { ZoneFileError } from '../../dns/zonefile/index.ts';
import { ZoneFileParser } from '../../dns/zonefile/parser.ts';
import { UserError } from '../../errors.ts';
import { optionsInComment } from '../alias-options.ts';
import { Lines } from './lines.ts';
import type { ImportSource } from './reader.ts';

/** A master file as the source of an import; `-` is standard input. */
export async function fileSource(path: string, origin: string | undefined): Promise<ImportSource> {
  const label = path === '-' ? 'standard input' : path;
  const text = await readText(path);
  const parser = new ZoneFileParser(text, { file: label, origin });
  const lines = new Lines(text);
  return {
    label,
    noun: 'the file',
    statedOrigin: parser.statedOrigin,
    get firstOrigin() {
      return parser.firstOrigin;
    },
    records: () => parser.records(),
    options: (line) => optionsInComment(lines.at(line)),
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
