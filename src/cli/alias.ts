import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import { type AliasWhy, readAliasWhy } from '../store/history/why.ts';
import { ownerOf } from '../store/record-words.ts';
import { findZone } from '../store/zones.ts';
import { causeText } from '../zone/cause.ts';
import { usual, zoneName } from './arguments.ts';
import { withDatabase } from './database.ts';
import { print, printJson } from './output.ts';
import { noZone } from './zone-show.ts';

export function define(program: Command): void {
  const alias = program.command('alias').description('why an ALIAS publishes what it does');
  usual(
    alias
      .command('why')
      .description('what an ALIAS publishes, and what that rests on: which answer, when, from whom')
      .argument('<zone>', 'the zone', zoneName)
      .argument('<name>', 'as in a zone file: relative, absolute with the final dot, or @')
      .action(why),
    'zoneferry alias why example.com @',
  );
}

async function why(zoneName: string, name: string, options: { json?: boolean }): Promise<void> {
  const owner = ownerOf(name, zoneName);
  const found = await withDatabase(async ({ pool }) => {
    const zone = await findZone(pool, zoneName);
    if (!zone) throw noZone(zoneName);
    return readAliasWhy(pool, zone.id, owner.toLowerCase());
  });
  if (!found)
    throw new UserError(`no ALIAS at ${owner}: zoneferry record list ${zoneName} shows what stands there`);
  if (options.json) printJson(found);
  else print(text(found).join('\n'));
}

function text(alias: AliasWhy): string[] {
  const { published, lastChange, heldReason, heldSince } = alias;
  return [
    `${alias.name} ${alias.ttl} IN ALIAS ${alias.target}${alias.disabled ? ' ; disabled' : ''}`,
    '',
    published.length === 0 ? 'publishes nothing' : 'publishes',
    ...published.map(({ type, ttl, content }) => `  ${alias.name} ${ttl} IN ${type} ${content}`),
    lastChange
      ? `since ${lastChange.at.toISOString()}, serial ${lastChange.serial}: ${lastChange.reason.causes
          .filter((cause) =>
            cause.by === 'alias'
              ? cause.target === alias.followed
              : cause.follows !== undefined && alias.path?.includes(cause.follows),
          )
          .map(causeText)
          .join('; ')}`
      : 'the journal holds no version that this target made',
    ...(heldReason ? [`held${heldSince ? ` since ${heldSince.toISOString()}` : ''}: ${heldReason}`] : []),
    '',
    ...(alias.path ? [`way: ${alias.path.join(' -> ')}`] : []),
    ...(alias.path && alias.followed === null
      ? ['our own records answer, and an edit on the way is followed at once']
      : looksText(alias)),
  ];
}

function looksText(alias: AliasWhy): string[] {
  const { failures, nextLookAt } = alias;
  return [
    alias.looks.length === 0 ? 'not looked at yet' : 'last looks',
    ...alias.looks.map(lookText),
    ...(failures > 0 ? [`${failures} in a row failed or found nothing`] : []),
    nextLookAt ? `next look ${nextLookAt.toISOString()}` : 'no look is due: nothing follows the target',
  ];
}

function lookText(look: AliasWhy['looks'][number]): string {
  const time = (ms: number) => new Date(ms).toISOString();
  const when = look.looks > 1 ? `${time(look.from)} to ${time(look.to)}, ${look.looks} times` : time(look.to);
  const addresses = look.addresses ?? [];
  const more = (look.count ?? 0) - addresses.length;
  return [
    `  ${look.family.padEnd(4)} ${look.outcome}`,
    ...(addresses.length > 0 ? [addresses.join(' ') + (more > 0 ? ` and ${more} more` : '')] : []),
    ...(look.ttl ? [`TTL ${[...new Set(look.ttl)].join('-')}`] : []),
    ...(look.chain?.length ? [`over ${look.chain.join(' -> ')}`] : []),
    ...(look.authentic ? ['validated'] : []),
    ...(look.detail ? [`(${look.detail})`] : []),
    `by ${look.resolver ?? 'nobody'}, ${when}`,
  ].join(' ');
}
