import { isIP } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { UserError } from '../errors.ts';
import { type AliasOptions, unusualOptions } from '../zone/record.ts';
import { list, oneOf } from './arguments.ts';
import { warn } from './output.ts';

/** What an ALIAS may say beyond its target, as the command line takes it. */
export interface AliasFlags {
  answers?: AliasOptions['answers'];
  fallback?: string[];
  debugTxt?: 'on' | 'off';
}

/** The options of `record add` and `record set` for an ALIAS. */
export function aliasFlags(command: Command): Command {
  return command
    .option(
      '--answers <how>',
      'of an ALIAS: stable (a rotating target costs few serials) or exact (each answer is published)',
      oneOf(['stable', 'exact']),
    )
    .option(
      '--fallback <addresses>',
      'of an ALIAS: published once its target had no answer for MAX_STALE, IP,…; "none" for none',
      plainAddresses,
    )
    .option(
      '--debug-txt <on|off>',
      'of an ALIAS: whether a TXT beside the addresses names the target',
      oneOf(['on', 'off']),
    );
}

/** What was given; undefined where nothing was. */
export function aliasOptionsOf(
  owner: string,
  type: string,
  flags: AliasFlags,
): Partial<AliasOptions> | undefined {
  const { answers, fallback, debugTxt } = flags;
  if (answers === undefined && fallback === undefined && debugTxt === undefined) return undefined;
  if (type !== 'ALIAS')
    throw new UserError(`record ${owner} ${type}: --answers, --fallback and --debug-txt are for ALIAS alone`);
  return {
    ...(answers ? { answers } : {}),
    ...(fallback ? { fallback } : {}),
    ...(debugTxt ? { debugTxt: debugTxt === 'on' } : {}),
  };
}

/** Says it where fallback addresses would never be published. */
export function warnOfFallback(
  given: Partial<AliasOptions> | undefined,
  { maxStale, onStale }: { maxStale: number; onStale: string },
): void {
  if (!given?.fallback?.length) return;
  if (maxStale === 0)
    warn('MAX_STALE is 0, for ever: these fallback addresses never stand in until it is set');
  else if (onStale !== 'fallback') warn(`ON_STALE is ${onStale}: these fallback addresses do not stand in`);
}

/** Before the options of an ALIAS in a file of `zone export --source`, which `zone import` reads back. */
export const OPTIONS_COMMENT = '; zoneferry:';

/** Those that are not the usual ones, as `answers=exact fallback=192.0.2.9 debug-txt=on`; empty where all are. */
export function optionsInWords(options: AliasOptions | null): string {
  const { answers, fallback, debugTxt } = unusualOptions(options);
  return [
    ...(answers ? [`answers=${answers}`] : []),
    ...(fallback ? [`fallback=${fallback.join()}`] : []),
    ...(debugTxt ? ['debug-txt=on'] : []),
  ].join(' ');
}

/** What such a comment at the end of a line says; undefined where there is none, or nothing that is known. */
export function optionsInComment(line: string): Partial<AliasOptions> | undefined {
  const at = line.lastIndexOf(OPTIONS_COMMENT);
  if (at < 0) return undefined;
  const options: Partial<AliasOptions> = {};
  for (const word of line
    .slice(at + OPTIONS_COMMENT.length)
    .trim()
    .split(/\s+/)) {
    const [name, value = ''] = word.split('=', 2);
    if (name === 'answers' && (value === 'stable' || value === 'exact')) options.answers = value;
    if (name === 'fallback') options.fallback = value.split(',').filter((address) => isIP(address) !== 0);
    if (name === 'debug-txt') options.debugTxt = value === 'on';
  }
  return Object.keys(options).length > 0 ? options : undefined;
}

function plainAddresses(text: string): string[] {
  if (text === 'none') return [];
  const words = list(text);
  for (const word of words)
    if (isIP(word) === 0) throw new InvalidArgumentError(`"${word}" is no IP address.`);
  if (words.length === 0)
    throw new InvalidArgumentError('It takes IP addresses with commas between, or none.');
  return words;
}
