import { UserError } from '../../errors.ts';
import type { SecondaryConfigOptions, SecondaryTls } from './options.ts';
import { comment, fileName, notifySources, plain, sourceNote } from './text.ts';

/** nsd.conf for NSD 4.6. Throws UserError for a catalog. */
export function nsd(options: SecondaryConfigOptions): string[] {
  if (options.catalog !== undefined)
    throw new UserError('NSD 4.6 has no catalog zones (4.9 brought them): leave --catalog out');
  const { key, tls } = options;
  const keyName = key ? plain(key.name) : 'NOKEY';
  return [
    ...comment('#', [
      `NSD 4.6: secondary of Zoneferry, registered there as "${options.name}".`,
      'Paste into nsd.conf or a file that it includes, then: nsd-control reconfig',
      '- NSD takes NOTIFY only from the addresses under `allow-notify`, and only signed where a key stands there.',
      '- A transferred zone is visible within xfrd-reload-timeout (1 s): at most one reload in that time.',
      '- Zone files are written every zonefiles-write seconds (3600); what NSD answers is newer than they are.',
      '- NSD 4.6 knows no catalog zones.',
      ...(tls ? tlsNotes(tls) : []),
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
    ...(tls ? tlsPart(tls) : []),
    'pattern:',
    '    name: "zoneferry"',
    ...[...new Set([...options.primary.map(({ ip }) => ip), ...notifySources(options)])].map(
      (ip) => `    allow-notify: ${ip} ${keyName}`,
    ),
    ...options.primary.map(
      ({ ip, port }) => `    request-xfr: ${ip}@${port} ${keyName}${tls ? ' zoneferry' : ''}`,
    ),
    ...options.zones.flatMap((zone) => [
      'zone:',
      `    name: "${plain(zone)}"`,
      `    zonefile: "${fileName(zone)}.zone"`,
      '    include-pattern: "zoneferry"',
    ]),
  ];
}

function tlsNotes({ ca, certificate }: SecondaryTls): string[] {
  return [
    ...(certificate === undefined
      ? []
      : [
          '- NSD 4.6 shows its certificate from its second connection after a start on: the first one is turned away, and the',
          '  next, after half a minute or a NOTIFY, is good.',
        ]),
    '- Zones come over TLS, NOTIFY over UDP all the same: it says no more than a zone and its serial.',
    ca === undefined
      ? '- The authority of the certificate has to be among those of the machine, or in tls-cert-bundle under `server:`.'
      : '- NSD has one tls-cert-bundle for everything: where you have one already, put the authority into it.',
  ];
}

function tlsPart({ name, ca, certificate }: SecondaryTls): string[] {
  return [
    ...(ca === undefined ? [] : ['server:', `    tls-cert-bundle: "${ca}"`]),
    'tls-auth:',
    '    name: "zoneferry"',
    `    auth-domain-name: "${name}"`,
    ...(certificate === undefined
      ? []
      : [`    client-cert: "${certificate.cert}"`, `    client-key: "${certificate.key}"`]),
  ];
}
