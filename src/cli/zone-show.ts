import { UserError } from '../errors.ts';
import { findZone, listZones, type Zone } from '../store/zones.ts';
import { withDatabase } from './database.ts';
import { print, printJson, table } from './output.ts';

interface Json {
  json?: boolean;
}

export async function list(options: Json): Promise<void> {
  const zones = await withDatabase(({ pool }) => listZones(pool));
  if (options.json) printJson(zones.map(zoneJson));
  else
    print(
      table(
        ['zone', 'serial', 'records', 'published', 'problem'],
        zones.map((zone) => [
          zone.name,
          zone.publishedSerial,
          zone.records,
          zone.publishedAt?.toISOString(),
          zone.problem,
        ]),
        'no zones: zoneferry zone import FILE or zoneferry zone add NAME makes one',
      ),
    );
}

export async function show(name: string, options: Json): Promise<void> {
  const zone = await withDatabase(({ pool }) => findZone(pool, name));
  if (!zone) throw noZone(name);
  if (options.json) {
    printJson(zoneJson(zone));
    return;
  }
  const lines: [string, string | number][] = [
    ['zone', zone.name],
    ['serial', zone.publishedSerial ?? 'none published yet'],
    ['published', zone.publishedAt?.toISOString() ?? 'never'],
    ['change', zone.change ?? 'not known'],
    ['records', zone.records],
    ['problem', zone.problem ?? 'none'],
    ['primary', zone.primaryNs],
    ['contact', zone.contact],
    ['refresh', zone.refresh],
    ['retry', zone.retry],
    ['expire', zone.expire],
    ['minimum', zone.minimum],
    ['soa-ttl', zone.soaTtl],
    ['serial-policy', zone.serialPolicy ?? 'default'],
    ['alias-floor', zone.aliasFloor],
  ];
  print(lines.map(([title, value]) => `${title.padEnd(14)}${value}`).join('\n'));
}

/** A zone as every command prints it with --json. `serial` is the published one, or null. */
export function zoneJson(zone: Zone): object {
  const { serial, publishedSerial, ...rest } = zone;
  return { ...rest, serial: publishedSerial, nextSerial: publishedSerial === serial ? null : serial };
}

export function noZone(name: string): UserError {
  return new UserError(`no zone ${name}: zoneferry zone list shows those there are`);
}
