import { isIP } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { absoluteName, NameError, nameKey } from '../dns/name.ts';
import { type Endpoint, parseEndpoint } from '../endpoint.ts';
import { oneLine } from '../errors.ts';
import type { SerialPolicy } from '../zone/serial-policy.ts';

/** Adds `--json` and examples to a command. */
export function usual(command: Command, ...examples: string[]): Command {
  return command
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `\nExample${examples.length > 1 ? 's' : ''}:\n${examples.map((example) => `  $ ${example}`).join('\n')}`,
    );
}

// Parsers of arguments and options. What they throw is wrong usage: exit status 2. None gives null, which commander takes for no value.

/** A zone's name in any case, with or without the final dot; gives its canonical text. */
export function zoneName(text: string): string {
  try {
    return nameKey(absoluteName(text));
  } catch (error) {
    if (error instanceof NameError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** For repeated arguments: collects zone names. */
export function zoneNames(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), zoneName(text)];
}

/** A domain name; gives it absolute. */
export function domainName(text: string): string {
  zoneName(text);
  return text.endsWith('.') ? text : `${text}.`;
}

/** A whole number within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`);
    return value;
  };
}

/** Any whole number: whether it is in range is for the one to say who knows the record. */
export function anyWholeNumber(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('It takes a whole number.');
  return Number(text);
}

export function oneOf<const Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((known) => known === text.toLowerCase());
    if (word === undefined) throw new InvalidArgumentError(`It takes ${words.join(', ')}.`);
    return word;
  };
}

export const serialPolicy: (text: string) => SerialPolicy = oneOf(['increment', 'date', 'unixtime']);

/** Words between commas; an empty text is an empty list. */
export function list(text: string): string[] {
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  return words;
}

/** Addresses between commas, as `IP`, `IP:PORT`, `[IP6]:PORT` or `IP@PORT`. */
export function addresses(text: string): string[] {
  const words = list(text);
  for (const word of words) {
    const endpoint = parseEndpoint(word, 53);
    if (!endpoint || endpoint.port === 0)
      throw new InvalidArgumentError(`"${oneLine(word, 80)}" is no IP, IP:PORT, [IP6]:PORT or IP@PORT.`);
  }
  if (words.length === 0) throw new InvalidArgumentError('It takes one address at least.');
  return words;
}

/** One address of a name server, port 53 where none stands. */
export function server(text: string): Endpoint {
  const endpoint = parseEndpoint(text, 53);
  if (!endpoint || endpoint.port === 0)
    throw new InvalidArgumentError(`"${oneLine(text, 80)}" is no IP, IP:PORT, [IP6]:PORT or IP@PORT.`);
  return endpoint;
}

/** Ranges between commas: `192.0.2.0/24`, `2001:db8::/32` or single addresses. */
export function ranges(text: string): string[] {
  const words = list(text);
  for (const word of words) {
    const [ip = '', length, more] = word.split('/');
    const family = isIP(ip);
    const bits = length === undefined ? 0 : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
    if (family === 0 || more !== undefined || !(bits <= (family === 4 ? 32 : 128)))
      throw new InvalidArgumentError(
        `"${oneLine(word, 80)}" is no range such as 192.0.2.0/24 or 2001:db8::/32.`,
      );
  }
  return words;
}

/** `all`, or zone names between commas. */
export function zonesOrAll(text: string): string[] | 'all' {
  if (text.trim().toLowerCase() === 'all') return 'all';
  const words = list(text);
  if (words.length === 0) throw new InvalidArgumentError('It takes "all" or zone names between commas.');
  return words.map(zoneName);
}
