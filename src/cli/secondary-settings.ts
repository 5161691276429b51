import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import type { Secondary, SecondarySettings } from '../store/secondaries.ts';
import { addresses, list, ranges, wholeNumber, zoneName, zonesOrAll } from './arguments.ts';

export const ADDRESS = [
  '--address <addresses>',
  'IP[:PORT] between commas: where NOTIFY goes, and where it asks from',
  addresses,
] as const;

/** The options of `secondary add` and `secondary set`. */
export function settings(command: Command): Command {
  return command
    .option(
      '--key <keys>',
      'names of keys between commas: the first signs NOTIFY, all are accepted; "" for none',
      list,
    )
    .option(
      '--transfer-from <ranges>',
      'further addresses that it may ask from, as CIDR between commas',
      ranges,
    )
    .option('--zones <zones>', '"all", or names between commas', zonesOrAll)
    .option('--catalog <zone>', 'the catalog zone that lists its zones; "" for none', (text: string) =>
      text === '' ? text : zoneName(text),
    )
    .option(
      '--check <addresses>',
      'where it answers queries, to see what it serves: addresses between commas, "none" not to ask it, "" for its own',
      checkAddresses,
    )
    .option('--optional', 'nobody waits for it: shown as "not checked"')
    .option('--notify-rate <number>', 'NOTIFYs a second at most; "" for NOTIFY_RATE', orNull(100_000))
    .option(
      '--max-transfers <zones>',
      'zones on their way to it at once, at most: NOTIFYs beyond wait; "" for any number',
      orNull(1_000_000),
    );
}

export interface SettingsOptions {
  json?: boolean;
  address?: string[];
  key?: string[];
  transferFrom?: string[];
  zones?: string[] | 'all';
  notify?: boolean;
  catalog?: string;
  check?: string[] | 'own';
  optional?: boolean;
  notifyRate?: number | 'unset';
  maxTransfers?: number | 'unset';
}

/** The registration's columns as the options given say. */
export function toSettings(options: SettingsOptions): SecondarySettings {
  const { address, key, transferFrom, zones, notify, catalog, check, optional, notifyRate, maxTransfers } =
    options;
  return {
    ...(address === undefined ? {} : { addresses: address }),
    ...(key === undefined ? {} : { keys: key }),
    ...(transferFrom === undefined ? {} : { transferFrom }),
    ...(zones === undefined ? {} : { zones: zones === 'all' ? null : zones }),
    ...(notify === undefined ? {} : { notify }),
    ...(catalog === undefined ? {} : { catalog: catalog === '' ? null : catalog }),
    ...(check === undefined ? {} : { check: check === 'own' ? null : check }),
    ...(optional === undefined ? {} : { optional }),
    ...(notifyRate === undefined ? {} : { notifyRate: notifyRate === 'unset' ? null : notifyRate }),
    ...(maxTransfers === undefined ? {} : { maxTransfers: maxTransfers === 'unset' ? null : maxTransfers }),
  };
}

/** A registration in one line. */
export function inWords(secondary: Secondary): string {
  const { check, notifyRate, maxTransfers } = secondary;
  const parts = [
    secondary.addresses.join(', '),
    secondary.keys.length > 0 ? `keys ${secondary.keys.join(', ')}` : 'no key',
    secondary.zones === null ? 'all zones' : `zones ${secondary.zones.join(', ')}`,
    ...(secondary.transferFrom.length > 0
      ? [`transfers also from ${secondary.transferFrom.join(', ')}`]
      : []),
    ...(secondary.notify ? [] : ['no NOTIFY']),
    ...(secondary.catalog === null ? [] : [`catalog ${secondary.catalog}`]),
    ...(check === null
      ? []
      : [check.length === 0 ? 'not asked what it serves' : `asked at ${check.join(', ')}`]),
    ...(secondary.optional ? ['optional'] : []),
    ...(notifyRate === null ? [] : [`${notifyRate} NOTIFYs a second`]),
    ...(maxTransfers === null ? [] : [`${maxTransfers} zones at once`]),
  ];
  return parts.join('; ');
}

export function noSecondary(name: string): UserError {
  return new UserError(`no secondary ${name}: zoneferry secondary list shows those there are`);
}

function checkAddresses(text: string): string[] | 'own' {
  if (text.trim() === '') return 'own';
  return text.trim().toLowerCase() === 'none' ? [] : addresses(text);
}

function orNull(most: number): (text: string) => number | 'unset' {
  const number = wholeNumber(1, most);
  return (text) => (text === '' ? 'unset' : number(text));
}
