import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import {
  addSecondary,
  deleteSecondary,
  findSecondary,
  listSecondaries,
  secondaryInJson,
  setSecondary,
} from '../store/secondaries.ts';
import { findZone } from '../store/zones.ts';
import { oneOf, usual, wholeNumber, zoneName } from './arguments.ts';
import { type Session, withDatabase } from './database.ts';
import { print, printJson, table, warn } from './output.ts';
import { check } from './secondary-check.ts';
import { SECONDARY_KINDS, type SecondaryKind } from './secondary-config.ts';
import { renderConfig } from './secondary-render.ts';
import {
  ADDRESS,
  inWords,
  noSecondary,
  type SettingsOptions,
  settings,
  toSettings,
} from './secondary-settings.ts';
import { show } from './secondary-show.ts';
import { type TlsOptions, tlsOptions } from './secondary-tls.ts';

interface Json {
  json?: boolean;
}

export function define(program: Command): void {
  const secondary = program.command('secondary').description('the servers that pull zones from here');
  usual(
    settings(
      secondary
        .command('add')
        .description('register a secondary')
        .argument('<name>', 'what it is called here'),
    )
      .requiredOption(...ADDRESS)
      .option('--no-notify', 'send it no NOTIFY')
      .action(add),
    'zoneferry secondary add ns1 --address 192.0.2.53',
    'zoneferry secondary add ns2 --address [2001:db8::53]:5353 --key transfer-key --zones example.com',
  );
  usual(
    settings(
      secondary
        .command('set')
        .description('change a registration; what is not given stays')
        .argument('<name>', 'the secondary'),
    )
      .option(...ADDRESS)
      .option('--notify', 'send it NOTIFY')
      .option('--no-notify', 'send it no NOTIFY')
      .option('--no-optional', 'it has to serve what is published')
      .action(set),
    'zoneferry secondary set ns1 --key transfer-key',
    'zoneferry secondary set ns1 --key "" --zones all',
  );
  usual(
    secondary.command('list').description('list the secondaries').action(showList),
    'zoneferry secondary list',
  );
  usual(
    secondary
      .command('show')
      .description('show a secondary, and how far each zone has come with it')
      .argument('<name>', 'the secondary')
      .option(
        '--limit <rows>',
        'zones at most, those in trouble first (default: 50, with --json all)',
        wholeNumber(1, 1_000_000_000),
      )
      .action(show),
    'zoneferry secondary show ns1',
  );
  usual(
    secondary
      .command('check')
      .description(
        'ask a secondary live: whether it is reached, takes NOTIFY, knows the key, asks, transfers and serves',
      )
      .argument('<name>', 'the secondary')
      .option('--zone <zone>', 'the zone to try it with (default: one of its zones)', zoneName)
      .action(check),
    'zoneferry secondary check ns1',
  );
  usual(
    secondary
      .command('delete')
      .description('forget a secondary')
      .argument('<name>', 'the secondary')
      .action(remove),
    'zoneferry secondary delete ns1',
  );
  usual(
    tlsOptions(
      secondary
        .command('config')
        .description('print the configuration that makes a server this secondary')
        .argument('<name>', 'the secondary')
        .requiredOption('--for <server>', SECONDARY_KINDS.join(', '), oneOf(SECONDARY_KINDS))
        .option('--catalog', 'by its catalog zone instead of zone by zone'),
    ).action(config),
    'zoneferry secondary config ns1 --for bind > /etc/bind/zoneferry.conf',
    'zoneferry secondary config ns1 --for knot --catalog',
    'zoneferry secondary config ns1 --for nsd --tls primary.example.com --tls-ca /etc/nsd/primary-ca.pem',
  );
}

async function add(name: string, options: SettingsOptions): Promise<void> {
  const secondary = await withDatabase(async (session) => {
    const given = { ...toSettings(options), addresses: options.address ?? [] };
    await warnOfUnknownZones(session, given.zones);
    return addSecondary(session.pool, name, given);
  });
  if (options.json) printJson(secondaryInJson(secondary));
  else print(`secondary ${secondary.name} registered: ${inWords(secondary)}`);
}

async function set(name: string, options: SettingsOptions): Promise<void> {
  const given = toSettings(options);
  if (Object.keys(given).length === 0)
    throw new UserError('nothing to change: give an option, --help lists them', 2);
  const secondary = await withDatabase(async (session) => {
    await warnOfUnknownZones(session, given.zones);
    return setSecondary(session.pool, name, given);
  });
  if (!secondary) throw noSecondary(name);
  if (options.json) printJson(secondaryInJson(secondary));
  else print(`secondary ${secondary.name} is now: ${inWords(secondary)}`);
}

async function showList(options: Json): Promise<void> {
  const secondaries = await withDatabase(({ pool }) => listSecondaries(pool));
  if (options.json) printJson(secondaries.map(secondaryInJson));
  else
    print(
      table(
        ['secondary', 'addresses', 'transfer from', 'keys', 'zones', 'notify', 'catalog'],
        secondaries.map((one) => [
          one.name,
          one.addresses.join(', '),
          one.transferFrom.join(', ') || null,
          one.keys.join(', ') || null,
          one.zones === null ? 'all' : one.zones.join(', '),
          one.notify ? 'yes' : 'no',
          one.catalog,
        ]),
        'no secondaries: zoneferry secondary add NAME --address IP registers one',
      ),
    );
}

async function remove(name: string, options: Json): Promise<void> {
  const found = await withDatabase(({ pool }) => deleteSecondary(pool, name));
  if (!found) throw noSecondary(name);
  if (options.json) printJson({ deleted: name });
  else print(`secondary ${name} deleted`);
}

async function config(
  name: string,
  options: Json & TlsOptions & { for: SecondaryKind; catalog?: boolean },
): Promise<void> {
  const text = await withDatabase(async (session) => {
    const secondary = await findSecondary(session.pool, name);
    if (!secondary) throw noSecondary(name);
    return renderConfig(session, secondary, options.for, options);
  });
  if (options.json) printJson({ name, for: options.for, config: text });
  else process.stdout.write(text);
}

async function warnOfUnknownZones({ pool }: Session, zones: string[] | null | undefined): Promise<void> {
  for (const zone of zones ?? []) {
    if (!(await findZone(pool, zone))) warn(`there is no zone ${zone} yet`);
  }
}
