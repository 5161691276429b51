import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { isTaken, TSIG_ALGORITHMS, type TsigAlgorithm } from '../dns/tsig.ts';
import { UserError } from '../errors.ts';
import { addKey, deleteKey, findKey, listKeys, sealSecrets } from '../store/keys.ts';
import { oneOf, usual, wholeNumber, zoneName } from './arguments.ts';
import { withDatabase } from './database.ts';
import { print, printJson, table } from './output.ts';

const SECRET_OCTETS = 32;
const ALGORITHMS = Object.keys(TSIG_ALGORITHMS) as TsigAlgorithm[];

interface Json {
  json?: boolean;
}

export function define(program: Command): void {
  const key = program.command('key').description('TSIG keys, which sign transfers and NOTIFY');
  usual(
    key
      .command('add')
      .description('add a key; without --secret one is generated, and printed this once')
      .argument('<name>', 'a domain name', keyName)
      .option('--algorithm <algorithm>', ALGORITHMS.join(', '), oneOf(ALGORITHMS), 'hmac-sha256')
      .option(
        '--secret <base64>',
        'the secret, in base64; - reads it from standard input, where no list of processes shows it',
      )
      .option(
        '--min-mac <bits>',
        'also take MACs cut to this length, from half of the whole one on',
        wholeNumber(80, 512),
      )
      .action(add),
    'zoneferry key add transfer-key',
  );
  usual(
    key.command('list').description('list the keys, without their secrets').action(list),
    'zoneferry key list',
  );
  usual(
    key
      .command('show')
      .description("print a key with its secret in BIND's syntax, which tsig-keygen prints too")
      .argument('<name>', 'the key', keyName)
      .action(show),
    'zoneferry key show transfer-key > /etc/bind/transfer-key.conf',
  );
  usual(
    key
      .command('delete')
      .description('delete a key that no secondary uses')
      .argument('<name>', 'the key', keyName)
      .action(remove),
    'zoneferry key delete transfer-key',
  );
  usual(
    key
      .command('seal')
      .description(
        'encrypt every secret with the first key of SECRET_KEY; serve does it too, at its start and after each edit',
      )
      .action(seal),
    'zoneferry key seal',
  );
}

interface AddOptions extends Json {
  algorithm: TsigAlgorithm;
  secret?: string;
  minMac?: number;
}

async function add(name: string, options: AddOptions): Promise<void> {
  const { algorithm } = options;
  const secret =
    options.secret === '-'
      ? readFileSync(0, 'utf8').trim()
      : (options.secret ?? randomBytes(SECRET_OCTETS).toString('base64'));
  // said here and not by the parser of options, which would print the secret
  if (!/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(secret) || secret === '')
    throw new UserError('option --secret takes base64, such as "openssl rand -base64 32" prints', 2);
  const key = await withDatabase(({ pool, secrets, config }) => {
    if (!isTaken(algorithm, config.tsigLegacy))
      throw new UserError(
        `${algorithm} is off, as it is old: take hmac-sha256, or set TSIG_LEGACY=${algorithm} for a peer that knows no other`,
      );
    return addKey(pool, secrets, { name, algorithm, secret, minMacBits: options.minMac });
  });
  const generated = options.secret === undefined;
  if (options.json)
    printJson({ name: key.name, algorithm, minMacBits: key.minMacBits, ...(generated ? { secret } : {}) });
  else if (generated) print(inBindSyntax({ name: key.name, algorithm, secret }));
  else print(`key ${key.name} (${algorithm}) added`);
}

async function list(options: Json): Promise<void> {
  const keys = await withDatabase(({ pool }) => listKeys(pool));
  if (options.json)
    printJson(
      keys.map(({ name, algorithm, minMacBits, usedBy }) => ({ name, algorithm, minMacBits, usedBy })),
    );
  else
    print(
      table(
        ['key', 'algorithm', 'shortest MAC', 'used by'],
        keys.map((key) => [
          key.name,
          key.algorithm,
          key.minMacBits === null ? 'whole' : `${key.minMacBits} bits`,
          key.usedBy.join(', ') || null,
        ]),
        'no keys: zoneferry key add NAME makes one',
      ),
    );
}

async function show(name: string, options: Json): Promise<void> {
  const key = await withDatabase(({ pool, secrets }) => findKey(pool, secrets, name));
  if (!key) throw noKey(name);
  if (options.json)
    printJson({
      name: key.name,
      algorithm: key.algorithm,
      minMacBits: key.minMacBits,
      secret: key.secret,
    });
  else print(inBindSyntax(key));
}

async function remove(name: string, options: Json): Promise<void> {
  const found = await withDatabase(({ pool }) => deleteKey(pool, name));
  if (!found) throw noKey(name);
  if (options.json) printJson({ deleted: name });
  else print(`key ${name} deleted`);
}

async function seal(options: Json): Promise<void> {
  const { sealed, closed } = await withDatabase(({ pool, secrets }) => {
    if (secrets.prefix === undefined)
      throw new UserError(
        'SECRET_KEY is unset: set it to 32 octets in base64, such as "openssl rand -base64 32" prints',
      );
    return sealSecrets(pool, secrets);
  });
  if (closed.length > 0)
    throw new UserError(
      `${closed.join(', ')}: encrypted with a key that is not in SECRET_KEY: add the one before behind a comma (${sealed} others were encrypted)`,
    );
  if (options.json) printJson({ sealed });
  else print(`${sealed} secrets encrypted`);
}

function inBindSyntax(key: { name: string; algorithm: string; secret: string }): string {
  return `key "${key.name}" {\n\talgorithm ${key.algorithm};\n\tsecret "${key.secret}";\n};`;
}

/** As keys are stored: in lower case, without the final dot. */
function keyName(text: string): string {
  return zoneName(text).replace(/(.)\.$/, '$1');
}

function noKey(name: string): UserError {
  return new UserError(`no key ${name}: zoneferry key list shows those there are`);
}
