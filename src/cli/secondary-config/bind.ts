import { isIPv6 } from 'node:net';
import type { SecondaryConfigOptions, SecondaryTls } from './options.ts';
import { comment, fileName, notifySources, plain, sourceNote } from './text.ts';

/** named.conf for BIND 9.18. */
export function bind(options: SecondaryConfigOptions): string[] {
  const { key, catalog, tls } = options;
  return [
    ...comment('//', [
      `BIND 9.18: secondary of Zoneferry, registered there as "${options.name}".`,
      ...(catalog === undefined
        ? ['Paste into named.conf or a file that it includes, then: rndc reconfig']
        : [
            'Paste into named.conf or a file that it includes, put the last lines into `options`, then: rndc reconfig',
            `- Its zones come and go with the catalog ${plain(catalog)} (RFC 9432), without a change here.`,
          ]),
      ...(tls
        ? tlsNotes(tls)
        : ['- BIND asks for the SOA by UDP first: UDP and TCP of the primary have to be open.']),
      '- It takes NOTIFY from the addresses under `primaries`, signed or not, and with the key from anywhere.',
      '- REFRESH below 300 s and RETRY below 500 s are raised to that (min-refresh-time, min-retry-time); NOTIFY is not.',
      '- With many zones raise serial-query-rate (20 a second), transfers-in (10) and transfers-per-ns (2) in `options`.',
      '- The folder of `directory` in `options` has to be writable for named.',
      ...sourceNote(
        options,
        (ip) => `transfer-source${isIPv6(ip) ? '-v6' : ''} ${ip};`,
        catalog === undefined ? 'into each zone' : 'into `options`',
      ),
    ]),
    ...(key
      ? [`key "${plain(key.name)}" {`, `    algorithm ${key.algorithm};`, `    secret "${key.secret}";`, '};']
      : []),
    ...(tls ? tlsPart(tls) : []),
    'primaries "zoneferry" {',
    ...options.primary.map(
      ({ ip, port }) =>
        `    ${ip} port ${port}${key ? ` key "${plain(key.name)}"` : ''}${tls ? ' tls "zoneferry"' : ''};`,
    ),
    '};',
    ...(catalog === undefined ? options.zones : [catalog]).flatMap((name) => zone(name, options)),
    ...(catalog === undefined ? [] : globalPart(catalog, options)),
  ];
}

function tlsNotes(tls: SecondaryTls): string[] {
  return [
    '- It asks for zones over TLS at once, without a SOA query before; only TCP of that port has to be open.',
    '  NOTIFY comes over UDP all the same, and says no more than a zone and its serial.',
    ...(tls.ca === undefined
      ? [
          '- The authority of the certificate has to be among those that this machine trusts, or in a ca-file.',
        ]
      : []),
  ];
}

function tlsPart({ name, ca, certificate }: SecondaryTls): string[] {
  return [
    'tls "zoneferry" {',
    `    remote-hostname "${name}";`,
    ...(ca === undefined ? [] : [`    ca-file "${ca}";`]),
    ...(certificate === undefined
      ? []
      : [`    cert-file "${certificate.cert}";`, `    key-file "${certificate.key}";`]),
    '    protocols { TLSv1.3; };',
    '};',
  ];
}

function zone(name: string, options: SecondaryConfigOptions): string[] {
  return [
    `zone "${plain(name)}" {`,
    '    type secondary;',
    `    file "${fileName(name)}.db";`,
    '    primaries { "zoneferry"; };',
    ...allowNotify(options).map((line) => `    ${line}`),
    ...(name === options.catalog ? ['    allow-query { none; };'] : []),
    '    allow-transfer { none; };',
    '    notify no;  // the other secondaries are notified by Zoneferry itself',
    '};',
  ];
}

/** A server takes `options` once, so that what belongs there can't stand in a text to be pasted behind it. */
function globalPart(catalog: string, options: SecondaryConfigOptions): string[] {
  return comment('//', [
    'Into `options`, without the slashes:',
    '    catalog-zones {',
    `        zone "${plain(catalog)}" default-primaries { "zoneferry"; } in-memory no min-update-interval 1;`,
    '    };',
    ...allowNotify(options).map((line) => `    ${line}`),
  ]);
}

function allowNotify(options: SecondaryConfigOptions): string[] {
  const { key } = options;
  const sources = [...notifySources(options), ...(key ? [`key "${plain(key.name)}"`] : [])];
  return sources.length === 0 ? [] : [`allow-notify { ${sources.map((source) => `${source};`).join(' ')} };`];
}
