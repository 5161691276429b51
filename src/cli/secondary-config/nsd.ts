import { UserError } from '../../errors.ts';
import type { SecondaryConfigOptions } from './options.ts';
import { comment, fileName, notifySources, plain, sourceNote } from './text.ts';

/** nsd.conf for NSD 4.6. Throws UserError for a catalog. */
export function nsd(options: SecondaryConfigOptions): string[] {
  if (options.catalog !== undefined)
    throw new UserError('NSD 4.6 has no catalog zones (4.9 brought them): leave --catalog out');
  const { key } = options;
  const keyName = key ? plain(key.name) : 'NOKEY';
  return [
    ...comment('#', [
      `NSD 4.6: secondary of Zoneferry, registered there as "${options.name}".`,
      'Paste into nsd.conf or a file that it includes, then: nsd-control reconfig',
      '- NSD takes NOTIFY only from the addresses under `allow-notify`, and only signed where a key stands there.',
      '- A transferred zone is visible within xfrd-reload-timeout (1 s): at most one reload in that time.',
      '- Zone files are written every zonefiles-write seconds (3600); what NSD answers is newer than they are.',
      '- NSD 4.6 knows no catalog zones.',
      ...sourceNote(options, (ip) => `outgoing-interface: ${ip}`, 'into the pattern'),
    ]),
    ...(key
      ? [
          'key:',
          `    name: "${plain(key.name)}"`,
          `    algorithm: ${key.algorithm}`,
          `    secret: "${key.secret}"`,
        ]
      : []),
    'pattern:',
    '    name: "zoneferry"',
    ...[...new Set([...options.primary.map(({ ip }) => ip), ...notifySources(options)])].map(
      (ip) => `    allow-notify: ${ip} ${keyName}`,
    ),
    ...options.primary.map(({ ip, port }) => `    request-xfr: ${ip}@${port} ${keyName}`),
    ...options.zones.flatMap((zone) => [
      'zone:',
      `    name: "${plain(zone)}"`,
      `    zonefile: "${fileName(zone)}.zone"`,
      '    include-pattern: "zoneferry"',
    ]),
  ];
}
