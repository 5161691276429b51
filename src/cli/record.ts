import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import type { Pool } from '../store/pool.ts';
import { identity, normalContent, ownerOf, ttlOf, typeOf } from '../store/record-words.ts';
import {
  addRecord,
  deleteRecords,
  findRecords,
  listRecords,
  type StoredSource,
  setRecord,
} from '../store/records.ts';
import { findZone, type Zone } from '../store/zones.ts';
import { unusualOptions } from '../zone/record.ts';
import {
  type AliasFlags,
  aliasFlags,
  aliasOptionsOf,
  optionsInWords,
  warnOfFallback,
} from './alias-options.ts';
import { anyWholeNumber, usual, zoneName } from './arguments.ts';
import { withDatabase } from './database.ts';
import { print, printJson, table, write, writeJsonArray } from './output.ts';
import { noZone } from './zone-show.ts';

interface Json {
  json?: boolean;
}

const NAME_HELP = 'as in a zone file: relative, absolute with the final dot, or @';

export function define(program: Command): void {
  const record = program.command('record').description('add, change and list records');
  usual(
    aliasFlags(
      named(record.command('add').description('add a record'))
        .argument('<content>', 'the data in presentation format; for ALIAS the target')
        .option('--ttl <seconds>', 'TTL in seconds', anyWholeNumber, 3600),
    ).action(add),
    'zoneferry record add example.com @ ALIAS myapp.cdn.example.net',
    'zoneferry record add example.com www TXT \'"some text"\' --ttl 300',
  );
  usual(
    aliasFlags(
      named(record.command('set').description('change a record'))
        .argument('[content]', 'the present data, where the name has several of this type')
        .option('--content <content>', 'the new data')
        .option('--ttl <seconds>', 'the new TTL in seconds', anyWholeNumber)
        .option('--disable', 'stop serving it')
        .option('--enable', 'serve it again'),
    ).action(set),
    'zoneferry record set example.com www A --content 192.0.2.2',
    'zoneferry record set example.com www A 192.0.2.1 --disable',
    'zoneferry record set example.com @ ALIAS --answers exact --fallback 192.0.2.9,2001:db8::9 --debug-txt on',
  );
  usual(
    record
      .command('list')
      .description('list what was written; `zone export` shows what secondaries get')
      .argument('<zone>', 'the zone', zoneName)
      .action(list),
    'zoneferry record list example.com',
  );
  usual(
    named(
      record.command('delete').description('delete one record, or without CONTENT all of this name and type'),
    )
      .argument('[content]', 'the data')
      .action(remove),
    'zoneferry record delete example.com www A 192.0.2.1',
  );
}

function named(command: Command): Command {
  return command
    .argument('<zone>', 'the zone', zoneName)
    .argument('<name>', NAME_HELP)
    .argument('<type>', 'A, MX, ALIAS, TYPE65400, …');
}

async function add(
  zone: string,
  name: string,
  typeText: string,
  content: string,
  options: Json & AliasFlags & { ttl: number },
): Promise<void> {
  const owner = ownerOf(name, zone);
  const type = typeOf(owner, typeText);
  const ttl = ttlOf(owner, type, options.ttl);
  const given = aliasOptionsOf(owner, type, options);
  const record = await withDatabase(async ({ pool, config }) => {
    const found = await zoneOf(pool, zone);
    warnOfFallback(given, config);
    return addRecord(pool, found.id, {
      name: owner,
      type,
      ttl,
      content: normalContent(owner, type, content),
      options: given,
    });
  });
  report(record, zone, 'added', options);
}

interface SetOptions extends Json, AliasFlags {
  content?: string;
  ttl?: number;
  disable?: boolean;
  enable?: boolean;
}

async function set(
  zone: string,
  name: string,
  typeText: string,
  present: string | undefined,
  options: SetOptions,
): Promise<void> {
  const { disable, enable } = options;
  if (disable && enable) throw new UserError('--disable and --enable exclude one another', 2);
  const owner = ownerOf(name, zone);
  const type = typeOf(owner, typeText);
  const given = aliasOptionsOf(owner, type, options);
  if (options.content === undefined && options.ttl === undefined && !disable && !enable && !given)
    throw new UserError(
      `nothing to change: give --content, --ttl, --disable or --enable${type === 'ALIAS' ? ', --answers, --fallback or --debug-txt' : ''}`,
      2,
    );
  const change = {
    ttl: options.ttl === undefined ? undefined : ttlOf(owner, type, options.ttl),
    content: options.content === undefined ? undefined : normalContent(owner, type, options.content),
    disabled: disable ? true : enable ? false : undefined,
    options: given,
  };
  const record = await withDatabase(async ({ pool, config }) => {
    const matches = await matching(pool, await zoneOf(pool, zone), owner, type, present);
    const [first, ...others] = matches;
    if (!first) throw noRecord(owner, type, present);
    if (others.length > 0)
      throw new UserError(
        `${matches.length} records match ${owner} ${type}: name one by its content: ${matches.map((one) => one.content).join(' | ')}`,
      );
    warnOfFallback(given, config);
    return setRecord(pool, first.id, change);
  });
  if (!record) throw noRecord(owner, type, present);
  report(record, zone, 'changed', options);
}

async function list(zone: string, options: Json): Promise<void> {
  await withDatabase(async ({ pool }) => {
    const found = await zoneOf(pool, zone);
    const batches = listRecords(pool, found.id);
    if (options.json) {
      await writeJsonArray(inJson(batches, zone));
      return;
    }
    let empty = true;
    for await (const batch of batches) {
      empty = false;
      await write(`${records(batch)}\n`);
    }
    if (empty) print(`zone ${zone} has no records`);
  });
}

async function* inJson(batches: AsyncIterable<StoredSource[]>, zone: string): AsyncGenerator<object[]> {
  for await (const batch of batches) yield batch.map((record) => recordJson(record, zone));
}

function records(batch: readonly StoredSource[]): string {
  return table(
    ['name', 'ttl', 'type', 'content', 'state'],
    batch.map((record) => [
      record.name,
      record.ttl,
      record.type,
      record.content,
      [record.disabled ? 'disabled' : (record.problem ?? ''), optionsInWords(record.options)]
        .filter((part) => part)
        .join(' '),
    ]),
    '',
  );
}

async function remove(
  zone: string,
  name: string,
  typeText: string,
  content: string | undefined,
  options: Json,
): Promise<void> {
  const owner = ownerOf(name, zone);
  const type = typeOf(owner, typeText);
  const deleted = await withDatabase(async ({ pool }) => {
    const matches = await matching(pool, await zoneOf(pool, zone), owner, type, content);
    if (matches.length === 0) throw noRecord(owner, type, content);
    return deleteRecords(
      pool,
      matches.map((record) => record.id),
    );
  });
  if (options.json) printJson({ deleted: deleted.map((record) => recordJson(record, zone)) });
  else for (const record of deleted) print(`deleted ${inWords(record)}`);
}

/** Records of a name and type; with `content` those that are equal to it, in whatever spelling. */
async function matching(
  pool: Pool,
  zone: Zone,
  owner: string,
  type: string,
  content: string | undefined,
): Promise<StoredSource[]> {
  const found = await findRecords(pool, zone.id, owner.toLowerCase(), type);
  if (content === undefined) return found;
  const wanted = identity(type, content);
  return found.filter((record) => record.content === content || identity(type, record.content) === wanted);
}

async function zoneOf(pool: Pool, name: string): Promise<Zone> {
  const zone = await findZone(pool, name);
  if (!zone) throw noZone(name);
  return zone;
}

function report(record: StoredSource, zone: string, done: string, options: Json): void {
  if (options.json) printJson(recordJson(record, zone));
  else print(`${done} ${inWords(record)}${record.disabled ? ' (disabled)' : ''}`);
}

function recordJson(record: StoredSource, zone: string): object {
  const { id, name, type, content, ttl, disabled, problem, options } = record;
  return { id, zone, name, type, content, ttl, disabled, problem, ...unusualOptions(options) };
}

function inWords(record: StoredSource): string {
  const options = optionsInWords(record.options);
  return `${record.name} ${record.ttl} ${record.type} ${record.content}${options ? ` ${options}` : ''}`;
}

function noRecord(owner: string, type: string, content: string | undefined): UserError {
  return new UserError(
    `no record ${owner} ${type}${content === undefined ? '' : ` ${content}`}: zoneferry record list shows those there are`,
  );
}
