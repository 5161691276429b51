import { InvalidArgumentError } from 'commander';
import { UserError } from '../errors.ts';
import { addZone, deleteZone, setZone, type ZoneSettings } from '../store/zones.ts';
import type { SerialPolicy } from '../zone/serial-policy.ts';
import { domainName } from './arguments.ts';
import { withDatabase } from './database.ts';
import { print, printJson } from './output.ts';
import { noZone, zoneJson } from './zone-show.ts';

export interface ZoneOptions {
  primary?: string;
  contact?: string;
  refresh?: number;
  retry?: number;
  expire?: number;
  minimum?: number;
  soaTtl?: number;
  serial?: number;
  serialPolicy?: SerialPolicy | 'default';
  json?: boolean;
}

export async function add(name: string, options: ZoneOptions): Promise<void> {
  const given = settingsOf(options);
  const { primaryNs = '', contact = '' } = given;
  const zone = await withDatabase(({ pool }) => addZone(pool, name, { ...given, primaryNs, contact }));
  if (options.json) printJson(zoneJson(zone));
  else print(`zone ${zone.name} added, with the NS record ${zone.primaryNs}`);
}

export async function set(name: string, options: ZoneOptions): Promise<void> {
  const given = settingsOf(options);
  if (Object.keys(given).length === 0)
    throw new UserError('nothing to change: give an option, --help lists them', 2);
  const zone = await withDatabase(({ pool }) => setZone(pool, name, given));
  if (!zone) throw noZone(name);
  if (options.json) printJson(zoneJson(zone));
  else print(`zone ${zone.name} changed`);
}

export async function remove(name: string, options: { json?: boolean }): Promise<void> {
  const zone = await withDatabase(({ pool }) => deleteZone(pool, name));
  if (!zone) throw noZone(name);
  if (options.json) printJson({ deleted: zone.name, serial: zone.publishedSerial });
  else print(`zone ${zone.name} deleted`);
}

function settingsOf(options: ZoneOptions): ZoneSettings {
  const { primary, serialPolicy, json: _, ...given } = options;
  const columns: ZoneSettings = {
    ...given,
    ...(serialPolicy === undefined ? {} : { serialPolicy: serialPolicy === 'default' ? null : serialPolicy }),
  };
  if (primary === undefined) return columns;
  try {
    return { ...columns, primaryNs: domainName(primary) };
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw new UserError(`option --primary: ${error.message}`, 2);
    throw error;
  }
}
