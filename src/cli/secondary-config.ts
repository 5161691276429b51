import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';

export const SECONDARY_KINDS = ['bind', 'nsd', 'knot', 'powerdns'] as const;
export type SecondaryKind = (typeof SECONDARY_KINDS)[number];

export interface SecondaryConfigOptions {
  /** What the secondary is called here; appears in comments alone. */
  name: string;
  /** The addresses it is registered with: where NOTIFY goes and where its requests have to come from. */
  addresses: { ip: string; port: number }[];
  /** Where it asks: the listening addresses of this service. */
  primary: { ip: string; port: number }[];
  /** Where NOTIFY comes from, when not from the addresses of `primary`. */
  notifyFrom?: string[];
  /** Zone names in canonical text. */
  zones: string[];
  /** Algorithm as `hmac-sha256`, secret in base64. */
  key?: { name: string; algorithm: string; secret: string };
}

/**
 * The configuration that makes a BIND, NSD, Knot or PowerDNS a secondary of this service: key, zones and access, with
 * the pitfalls of that server as comments. For PowerDNS, which keeps zones and keys in a database, it is a shell script.
 * It works as it is when pasted into a running installation, so it holds no section that a server takes only once.
 */
export function secondaryConfig(kind: SecondaryKind, options: SecondaryConfigOptions): string {
  const text = render[kind](options);
  return `${text.join('\n')}\n`;
}

const render: Record<SecondaryKind, (options: SecondaryConfigOptions) => string[]> = {
  bind,
  nsd,
  knot,
  powerdns,
};

function bind(options: SecondaryConfigOptions): string[] {
  const { key } = options;
  const primaries = options.primary.map(
    ({ ip, port }) => `${ip} port ${port}${key ? ` key "${plain(key.name)}"` : ''};`,
  );
  return [
    ...comment('//', [
      `BIND 9.18: secondary of Zoneferry, registered there as "${options.name}".`,
      'Paste into named.conf or a file that it includes, then: rndc reconfig',
      '- BIND asks for the SOA by UDP first: UDP and TCP of the primary have to be open.',
      '- It takes NOTIFY from the addresses under `primaries`, signed or not, and with the key from anywhere.',
      '- REFRESH below 300 s and RETRY below 500 s are raised to that (min-refresh-time, min-retry-time); NOTIFY is not.',
      '- With many zones raise serial-query-rate (20 a second), transfers-in (10) and transfers-per-ns (2) in `options`.',
      '- The folder of `directory` in `options` has to be writable for named.',
      ...sourceNote(options, (ip) => `transfer-source${isIPv6(ip) ? '-v6' : ''} ${ip};`, 'into each zone'),
    ]),
    ...(key
      ? [`key "${plain(key.name)}" {`, `    algorithm ${key.algorithm};`, `    secret "${key.secret}";`, '};']
      : []),
    'primaries "zoneferry" {',
    ...primaries.map((line) => `    ${line}`),
    '};',
    ...options.zones.flatMap((zone) => [
      `zone "${plain(zone)}" {`,
      '    type secondary;',
      `    file "${fileName(zone)}.db";`,
      '    primaries { "zoneferry"; };',
      ...(notifySources(options).length || key
        ? [
            `    allow-notify { ${[...notifySources(options), ...(key ? [`key "${plain(key.name)}"`] : [])]
              .map((source) => `${source};`)
              .join(' ')} };`,
          ]
        : []),
      '    allow-transfer { none; };',
      '    notify no;  // the other secondaries are notified by Zoneferry itself',
      '};',
    ]),
  ];
}

function nsd(options: SecondaryConfigOptions): string[] {
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

function knot(options: SecondaryConfigOptions): string[] {
  const { key } = options;
  const keyLine = key ? [`    key: "${plain(key.name)}"`] : [];
  const notifiers = [...new Set([...options.primary.map(({ ip }) => ip), ...notifySources(options)])];
  return [
    ...comment('#', [
      `Knot DNS 3.2: secondary of Zoneferry, registered there as "${options.name}".`,
      'Paste into knot.conf or a file that it includes, then: knotc reload',
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
    'zone:',
    ...options.zones.flatMap((zone) => [
      `  - domain: "${plain(zone)}"`,
      `    file: "${fileName(zone)}.zone"`,
      '    master: zoneferry',
      '    acl: [ zoneferry-notify ]',
    ]),
  ];
}

function powerdns(options: SecondaryConfigOptions): string[] {
  const { key } = options;
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
    ...options.zones.flatMap((zone) => {
      const name = `'${plain(zone)}'`;
      return [
        `${utility} create-secondary-zone ${name} ${primaries} ||`,
        `  ${utility} change-secondary-zone-primary ${name} ${primaries}`,
        ...(key ? [`${utility} activate-tsig-key ${name} '${plain(key.name)}' secondary`] : []),
      ];
    }),
  ];
}

function comment(mark: string, lines: string[]): string[] {
  return lines.map((line) => `${mark} ${line}`);
}

/** The line for a machine of several addresses, as a comment: behind NAT the registered address isn't its own. */
function sourceNote(options: SecondaryConfigOptions, line: (ip: string) => string, where: string): string[] {
  const ips = [...new Set(options.addresses.map(({ ip }) => ip))];
  if (ips.length === 0) return [];
  return [
    `- Requests have to come from ${ips.join(' or ')}. On a machine with more addresses put this ${where}:`,
    ...ips.map((ip) => `      ${line(ip)}`),
  ];
}

function notifySources(options: SecondaryConfigOptions): string[] {
  const asked = new Set(options.primary.map(({ ip }) => ip));
  return (options.notifyFrom ?? []).filter((ip) => !asked.has(ip));
}

/**
 * A name without its final dot in which every octet that one of the four grammars could take for itself is `\DDD`; all
 * four read that in a quoted name, and none of them takes the backslash for an escape of the quotes. In lower case, as
 * PowerDNS 4.7 signs wrongly with a key whose name has capitals.
 */
function plain(name: string): string {
  return name
    .replace(/\\(\d{3})|\\(.)|([^a-zA-Z0-9._*/-])/g, (whole, decimal, escaped, other) =>
      decimal === undefined ? decimalEscape(escaped ?? other) : whole,
    )
    .replace(/(.)\.$/, '$1')
    .toLowerCase();
}

function decimalEscape(character: string): string {
  return `\\${String(character.charCodeAt(0)).padStart(3, '0')}`;
}

/** A file name that no zone name can lead out of its folder, unlike for unlike names, without `%`, which servers expand. */
function fileName(zone: string): string {
  const name = plain(zone);
  if (name === '.') return 'root';
  if (name.length > 200) return createHash('sha256').update(name).digest('hex');
  return name.replace(
    /[^a-zA-Z0-9._-]/g,
    (character) => `+${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
