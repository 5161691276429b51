import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import { addToken, deleteToken, listTokens } from '../store/tokens.ts';
import { usual } from './arguments.ts';
import { withDatabase } from './database.ts';
import { print, printJson, table } from './output.ts';

interface Json {
  json?: boolean;
}

export function define(program: Command): void {
  const token = program
    .command('token')
    .description('named tokens of the HTTP API, beside API_TOKEN; kept as hashes');
  usual(
    token
      .command('add')
      .description('make a token, and print it this once')
      .argument('<name>', 'who or what will hold it', tokenName)
      .option('--read-only', 'it may look, and change nothing')
      .action(add),
    'zoneferry token add grafana --read-only',
  );
  usual(
    token.command('list').description('list the tokens, without their secrets').action(list),
    'zoneferry token list',
  );
  usual(
    token
      .command('delete')
      .description('take a token away; it stops to work at once')
      .argument('<name>', 'the token', tokenName)
      .action(remove),
    'zoneferry token delete grafana',
  );
}

async function add(name: string, options: Json & { readOnly?: boolean }): Promise<void> {
  const { added, takesTokens } = await withDatabase(async ({ pool, config }) => ({
    added: await addToken(pool, name, options.readOnly === true),
    takesTokens: config.apiToken !== undefined,
  }));
  if (options.json) printJson({ name, readOnly: added.readOnly, token: added.token });
  else print(added.token);
  if (!takesTokens)
    process.stderr.write(
      'note: API_TOKEN is unset here: the HTTP API then takes no tokens, and answers whoever reaches loopback\n',
    );
}

async function list(options: Json): Promise<void> {
  const tokens = await withDatabase(({ pool }) => listTokens(pool));
  if (options.json)
    printJson(tokens.map(({ name, readOnly, createdAt, usedAt }) => ({ name, readOnly, createdAt, usedAt })));
  else
    print(
      table(
        ['token', 'may', 'made', 'last used'],
        tokens.map(({ name, readOnly, createdAt, usedAt }) => [
          name,
          readOnly ? 'read' : 'all',
          createdAt.toISOString(),
          usedAt?.toISOString() ?? null,
        ]),
        'no tokens: zoneferry token add NAME makes one',
      ),
    );
}

async function remove(name: string, options: Json): Promise<void> {
  const found = await withDatabase(({ pool }) => deleteToken(pool, name));
  if (!found) throw new UserError(`no token ${name}: zoneferry token list shows those there are`);
  if (options.json) printJson({ deleted: name });
  else print(`token ${name} deleted`);
}

/** As the database has it: it would say the same, later. */
function tokenName(text: string): string {
  if (/^[A-Za-z0-9._-]{1,100}$/.test(text)) return text;
  throw new UserError(
    `argument <name>: got "${text}", takes 1 to 100 letters, digits, dots, hyphens or underscores`,
    2,
  );
}
