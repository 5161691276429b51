import { createReadStream } from 'node:fs';
import { ZoneFileError } from '../../dns/zonefile/index.ts';
import { ZoneFileParser } from '../../dns/zonefile/parser.ts';
import { UserError } from '../../errors.ts';
import type { AliasOptions } from '../../zone/record.ts';
import { optionsInComment } from '../alias-options.ts';
import { Lines } from './lines.ts';
import type { ImportSource } from './reader.ts';

/** A master file as the source of an import; `-` is standard input. */
export async function fileSource(path: string, origin: string | undefined): Promise<ImportSource> {
  const label = path === '-' ? 'standard input' : path;
  const text = await readText(path);
  const parser = new ZoneFileParser(text, { file: label, origin });
  return {
    label,
    noun: 'the file',
    statedOrigin: parser.statedOrigin,
    get firstOrigin() {
      return parser.firstOrigin;
    },
    records: () => parser.records(),
    options: optionsByLine(text),
    problem: (line, what) => new ZoneFileError(label, line, what),
  };
}

/** What the comment of a line says of its ALIAS. A line that stands for many records is read once. */
export function optionsByLine(text: string): (line: number) => Partial<AliasOptions> | undefined {
  const lines = new Lines(text);
  let last = 0;
  let options: Partial<AliasOptions> | undefined;
  return (line) => {
    if (line !== last) options = optionsInComment(lines.at(line));
    last = line;
    return options;
  };
}

/**
 * The text of a file or of standard input, `-`.
 *
 * @param most octets; more are not read to their end, if they have one
 * @throws UserError that names the file
 */
export async function readText(file: string, most = MOST_OCTETS): Promise<string> {
  const chunks: Buffer[] = [];
  let octets = 0;
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      octets += chunk.length;
      if (octets > most)
        throw new UserError(
          `${file === '-' ? 'standard input' : file}: takes ${most} octets at most: a larger zone comes by --from-axfr`,
        );
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(code === 'ENOENT' ? `${file}: no such file` : `${file} can't be read: ${message}`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A string of Node.js has half a gigabyte at most: some ten million records. */
const MOST_OCTETS = 500_000_000;
