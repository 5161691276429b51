import { UserError } from '../../errors.ts';
import type { SecondaryConfigOptions } from './options.ts';
import { comment, fileName, notifySources, plain, sourceNote } from './text.ts';

/** knot.conf for Knot DNS 3.2. Throws UserError for TLS. */
export function knot(options: SecondaryConfigOptions): string[] {
  const { key, catalog, tls } = options;
  if (tls !== undefined) throw new UserError('Knot DNS 3.2 has no XFR over TLS: leave --tls out');
  const keyLine = key ? [`    key: "${plain(key.name)}"`] : [];
  const notifiers = [...new Set([...options.primary.map(({ ip }) => ip), ...notifySources(options)])];
  return [
    ...comment('#', [
      `Knot DNS 3.2: secondary of Zoneferry, registered there as "${options.name}".`,
      'Paste into knot.conf or a file that it includes, then: knotc reload',
      ...(catalog === undefined
        ? []
        : [
            `- Its zones come and go with the catalog ${plain(catalog)} (RFC 9432), without a change here.`,
            '- They take their settings from the template zoneferry-member, and none from the template default: put storage and',
            '  what else yours have into it.',
            '- The folder of its databases (storage, /var/lib/knot) has to be there: 3.2 crashes on a catalog without one.',
          ]),
      '- Knot takes NOTIFY only from the addresses of the acl, and only signed where a key stands there.',
      '- After a NOTIFY it asks for the SOA by TCP and for the zone on the same connection.',
      '- A second NOTIFY within a second waits until that second is over (refresh-min-interval is at least 2 s).',
      ...sourceNote(options, (ip) => `via: ${ip}`, 'into the remote'),
    ]),
    ...(key
      ? [
          'key:',
          `  - id: "${plain(key.name)}"`,
          `    algorithm: ${key.algorithm}`,
          `    secret: "${key.secret}"`,
        ]
      : []),
    'remote:',
    '  - id: zoneferry',
    `    address: [ ${options.primary.map(({ ip, port }) => `${ip}@${port}`).join(', ')} ]`,
    ...keyLine,
    'acl:',
    '  - id: zoneferry-notify',
    `    address: [ ${notifiers.join(', ')} ]`,
    ...keyLine,
    '    action: notify',
    ...(catalog === undefined
      ? []
      : [
          'template:',
          '  - id: zoneferry-member',
          '    file: "%s.zone"',
          '    master: zoneferry',
          '    acl: [ zoneferry-notify ]',
        ]),
    'zone:',
    ...(catalog === undefined ? options.zones : [catalog]).flatMap((zone) => [
      `  - domain: "${plain(zone)}"`,
      `    file: "${fileName(zone)}.zone"`,
      '    master: zoneferry',
      '    acl: [ zoneferry-notify ]',
    ]),
    ...(catalog === undefined
      ? []
      : ['    catalog-role: interpret', '    catalog-template: zoneferry-member']),
  ];
}
