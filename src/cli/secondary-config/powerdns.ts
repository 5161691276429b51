import { isIPv6 } from 'node:net';
import { UserError } from '../../errors.ts';
import type { SecondaryConfigOptions } from './options.ts';
import { comment, notifySources, plain, sourceNote } from './text.ts';

/** A shell script for PowerDNS 4.7. Throws UserError for a catalog beside a key. */
export function powerdns(options: SecondaryConfigOptions): string[] {
  const { key, catalog, tls } = options;
  if (tls !== undefined) throw new UserError('PowerDNS 4.7 has no XFR over TLS: leave --tls out');
  if (catalog !== undefined && key)
    throw new UserError(
      `PowerDNS 4.7 pulls the members of a catalog unsigned, and ${options.name} has a key: register it without one ` +
        `(zoneferry secondary set ${options.name} --key ""), or leave --catalog out`,
    );
  const primaries = options.primary
    .map(({ ip, port }) => (isIPv6(ip) ? `'[${ip}]:${port}'` : `${ip}:${port}`))
    .join(' ');
  const utility = 'pdnsutil --config-dir="$config"';
  const forward = notifySources(options);
  return [
    ...comment('#', [
      `PowerDNS 4.7: secondary of Zoneferry, registered there as "${options.name}".`,
      'PowerDNS keeps zones and keys in its database: run this with sh, as a user that may write it, then restart',
      'PowerDNS (systemctl restart pdns). Running it again brings zones and key up to date.',
      ...(catalog === undefined
        ? []
        : [
            `- Its zones come and go with the catalog ${plain(catalog)} (RFC 9432), without a change here.`,
            '- It pulls them unsigned: this registration can have no key.',
          ]),
      '- PowerDNS asks for the SOA by UDP and never turns to TCP: UDP and TCP of the primary have to be open.',
      '- Leave incremental transfers off (no IXFR metadata): after one, 4.7 answers the changed names empty until',
      '  `pdnsutil rectify-zone`. Full transfers are the default and are right.',
      '- PowerDNS refuses a whole zone for one record without data (`TYPE65400 \\# 0`), and leaves DNSKEY records out.',
      '- A zone that is new in the database is noticed after up to zone-cache-refresh-interval (300 s), or by the restart.',
      '- NOTIFY is taken from the primary addresses; from others, such as NOTIFY_FROM, with trusted-notification-proxy.',
      '- Transfers from PowerDNS in turn are open to allow-axfr-ips (loopback by default) for all zones.',
      ...sourceNote(options, (ip) => `query-local-address=${ip}`, 'into the settings'),
    ]),
    'set -e',
    `config="\${PDNS_CONFIG:-/etc/powerdns}"  # where pdns.conf lies`,
    'mkdir -p "$config/pdns.d"  # what include-dir in pdns.conf names',
    'cat > "$config/pdns.d/zoneferry.conf" <<END',
    'secondary=yes',
    ...(forward.length ? [`trusted-notification-proxy=${forward.join(',')}`] : []),
    'END',
    ...(key ? [`${utility} import-tsig-key '${plain(key.name)}' ${key.algorithm} '${key.secret}'`] : []),
    ...(catalog === undefined ? options.zones : [catalog]).flatMap((zone) => {
      const name = `'${plain(zone)}'`;
      return [
        `${utility} create-secondary-zone ${name} ${primaries} ||`,
        `  ${utility} change-secondary-zone-primary ${name} ${primaries}`,
        ...(key ? [`${utility} activate-tsig-key ${name} '${plain(key.name)}' secondary`] : []),
        ...(zone === catalog ? [`${utility} set-kind ${name} consumer`] : []),
      ];
    }),
  ];
}
