import type { ResolverAddress } from '../resolver-address.ts';
import {
  addressPerFamily,
  cronExpression,
  endpoint,
  endpoints,
  keys,
  oneOf,
  type Parser,
  path,
  rate,
  resolvers,
  share,
  someOf,
  token,
  url,
  wholeNumber,
} from './parsers.ts';
import { tracingSettings } from './tracing.ts';

/** One setting of the environment: all that is known of it stands in the table below. */
export interface Setting<T> extends Parser<T> {
  readonly name: string;
  /** The unit or form of the value, as `.env.example` shows it. */
  readonly unit: string;
  /** The text in force where the setting is unset or empty; undefined: see `unset`. */
  readonly default?: string;
  /** What holds while it is unset, for a setting without a default. */
  readonly unset?: string;
  readonly help: string;
  /** Further values that `.env.example` shows, each with what it is. */
  readonly examples?: readonly (readonly [value: string, what: string])[];
  /** The value is never to be shown whole. */
  readonly secret?: boolean;
}

const system: Parser<readonly ResolverAddress[] | 'system'> = {
  takes: `${resolvers().takes}, or "system"`,
  parse: (text) => (text === 'system' ? 'system' : resolvers().parse(text)),
};

const DAY = 86_400;

/** Every setting, in the order in which `.env.example` and `zoneferry env` show them. */
export const settings = {
  databaseUrl: {
    name: 'DATABASE_URL',
    unit: 'URL',
    unset: 'a private PostgreSQL of its own under .zoneferry/ in the working directory',
    help: 'PostgreSQL 15 or later.',
    secret: true,
    ...url('postgresql://user:password@127.0.0.1:5432/zoneferry', 'postgres', 'postgresql'),
  },
  redisUrl: {
    name: 'REDIS_URL',
    unit: 'URL',
    unset: 'the queue lives in PostgreSQL',
    help: 'Redis 6.2+ or Valkey, for BullMQ on several machines.',
    secret: true,
    ...url('redis://127.0.0.1:6379', 'redis', 'rediss'),
  },
  dnsListen: {
    name: 'DNS_LISTEN',
    unit: 'ip:port, comma-separated',
    default: '127.0.0.1:5300',
    help: 'Where secondaries ask; TCP and UDP on each. IPv6 as [ip6]:port.',
    ...endpoints(53),
  },
  dnsConnections: {
    name: 'DNS_CONNECTIONS',
    unit: 'connections',
    default: '2000',
    help: 'Connections over TCP and TLS at once, in each process; a tenth of them for addresses that nobody registered.',
    ...wholeNumber('connections', 20, 100_000),
  },
  dnsConnectionsPerAddress: {
    name: 'DNS_CONNECTIONS_PER_ADDRESS',
    unit: 'connections',
    default: '200',
    help: 'Connections of one address at once.',
    ...wholeNumber('connections', 1, 100_000),
  },
  notifyFrom: {
    name: 'NOTIFY_FROM',
    unit: 'ip, or one of each family, comma-separated',
    unset: 'the DNS_LISTEN address of that family',
    help: 'Source address of NOTIFY and of the checks of secondaries.',
    ...addressPerFamily(),
  },
  notifyRate: {
    name: 'NOTIFY_RATE',
    unit: 'messages a second',
    default: '500',
    help: 'The most NOTIFY messages sent to one secondary.',
    ...wholeNumber('messages a second', 1, 100_000),
  },
  tlsListen: {
    name: 'TLS_LISTEN',
    unit: 'ip:port, comma-separated',
    unset: 'no XFR over TLS',
    help: 'XFR over TLS (RFC 9103); needs TLS_CERT and TLS_KEY. The port is 853 where none stands.',
    ...endpoints(853),
  },
  tlsCert: {
    name: 'TLS_CERT',
    unit: 'path of a PEM file',
    unset: 'none',
    help: 'Certificate chain of TLS_LISTEN.',
    ...path(),
  },
  tlsKey: {
    name: 'TLS_KEY',
    unit: 'path of a PEM file',
    unset: 'none',
    help: 'Private key of TLS_CERT.',
    ...path(),
  },
  tlsClientCa: {
    name: 'TLS_CLIENT_CA',
    unit: 'path of a PEM file',
    unset: 'no client certificate is asked for',
    help: 'Authorities whose client certificates are let in: mutual TLS.',
    ...path(),
  },
  tsigLegacy: {
    name: 'TSIG_LEGACY',
    unit: 'hmac-sha1, hmac-md5, or both with a comma between',
    unset: 'keys with SHA-2 alone are taken',
    help: 'Old TSIG algorithms that are taken and used all the same.',
    ...someOf('hmac-sha1', 'hmac-md5'),
  },
  httpListen: {
    name: 'HTTP_LISTEN',
    unit: 'ip:port',
    default: '127.0.0.1:8053',
    help: 'API, metrics, health and dashboard. Loopback only while API_TOKEN is unset.',
    ...endpoint(8053),
  },
  httpTlsCert: {
    name: 'HTTP_TLS_CERT',
    unit: 'path of a PEM file',
    unset: 'plain HTTP',
    help: 'Certificate chain of HTTP_LISTEN, which then speaks HTTPS alone; read again when it changes. Needs HTTP_TLS_KEY.',
    ...path(),
  },
  httpTlsKey: {
    name: 'HTTP_TLS_KEY',
    unit: 'path of a PEM file',
    unset: 'none',
    help: 'Private key of HTTP_TLS_CERT.',
    ...path(),
  },
  apiToken: {
    name: 'API_TOKEN',
    unit: 'text',
    unset: 'HTTP is loopback-only',
    help: 'Bearer token of the HTTP API.',
    secret: true,
    ...token(),
  },
  apiRate: {
    name: 'API_RATE',
    unit: 'requests a second',
    default: '200',
    help: 'The most requests a second of each token, and of each address without one, ten seconds of it at once after a rest; 0: no bound.',
    ...wholeNumber('requests a second', 0, 100_000),
  },
  httpConnections: {
    name: 'HTTP_CONNECTIONS',
    unit: 'connections',
    default: '500',
    help: 'Connections to HTTP_LISTEN at once; above that the one that rests longest makes room.',
    ...wholeNumber('connections', 10, 100_000),
  },
  secretKey: {
    name: 'SECRET_KEY',
    unit: '32 octets in base64',
    unset: 'TSIG secrets stand in the database as they are',
    help: 'Encrypts TSIG secrets in the database. Several between commas: the first encrypts, all of them open.',
    secret: true,
    ...keys(),
  },
  metricsPerZone: {
    name: 'METRICS_PER_ZONE',
    unit: 'auto, on or off',
    default: 'auto',
    help: 'Whether each zone has series of its own at /metrics; auto: while there are at most 1,000 zones.',
    ...oneOf('auto', 'on', 'off'),
  },
  resolvers: {
    name: 'RESOLVERS',
    unit: 'ip[:port], tls://ip[:port][#name] or https://host/path, comma-separated',
    default: 'system',
    help: 'Recursive resolvers that ALIAS targets are looked up with, the preferred one first; "system": those of the machine.',
    examples: [
      ['127.0.0.1:5335', 'an unbound or PowerDNS Recursor beside it: the best choice'],
      ['127.0.0.1:5335,tls://9.9.9.9#dns.quad9.net', 'and Quad9 over TLS behind it'],
      ['8.8.8.8,8.8.4.4', 'Google Public DNS'],
      ['1.1.1.1,1.0.0.1', 'Cloudflare'],
      ['9.9.9.9,149.112.112.112', 'Quad9'],
      [
        'tls://8.8.8.8#dns.google,tls://1.1.1.1#cloudflare-dns.com,tls://9.9.9.9#dns.quad9.net',
        'the three over TLS',
      ],
      [
        'https://8.8.8.8/dns-query,https://1.1.1.1/dns-query,https://9.9.9.9/dns-query',
        'and over HTTPS; a name in place of the address is looked up by the system',
      ],
    ],
    ...system,
  },
  resolveTimeoutMs: {
    name: 'RESOLVE_TIMEOUT_MS',
    unit: 'milliseconds',
    default: '500',
    help: 'How long one try waits for its answer.',
    ...wholeNumber('milliseconds', 1, 60_000),
  },
  resolveTries: {
    name: 'RESOLVE_TRIES',
    unit: 'tries',
    default: '3',
    help: 'Tries for a target and family, over different resolvers where there are several.',
    ...wholeNumber('tries', 1, 20),
  },
  resolveConcurrency: {
    name: 'RESOLVE_CONCURRENCY',
    unit: 'questions',
    default: '200',
    help: 'The most questions under way at each resolver at once.',
    ...wholeNumber('questions', 1, 10_000),
  },
  resolveRate: {
    name: 'RESOLVE_RATE',
    unit: 'questions a second, or auto',
    default: 'auto',
    help: 'The most questions a second to each resolver; 0: no bound; auto: 1000 to a public one, no bound on loopback and in private networks.',
    ...rate(),
  },
  resolveCa: {
    name: 'RESOLVE_CA',
    unit: 'path of a PEM file',
    unset: 'the authorities that Node.js brings',
    help: 'Authorities that are trusted beside those for resolvers of tls:// and https://.',
    ...path(),
  },
  resyncCron: {
    name: 'RESYNC_CRON',
    unit: 'cron expression',
    default: '*/10 * * * * *',
    help: 'When the scheduled resync looks at targets that are due; with six fields the first is seconds.',
    ...cronExpression(),
  },
  refreshMin: {
    name: 'REFRESH_MIN',
    unit: 'seconds',
    default: '30',
    help: 'A target is looked at again when its TTL runs out, but not sooner than this.',
    ...wholeNumber('seconds', 0, DAY),
  },
  refreshMax: {
    name: 'REFRESH_MAX',
    unit: 'seconds',
    default: '3600',
    help: 'A target is looked at again after this at the latest. At least REFRESH_MIN.',
    ...wholeNumber('seconds', 1, 7 * DAY),
  },
  retryMin: {
    name: 'RETRY_MIN',
    unit: 'seconds',
    default: '1',
    help: 'First back-off after a failed or negative look.',
    ...wholeNumber('seconds', 1, DAY),
  },
  retryMax: {
    name: 'RETRY_MAX',
    unit: 'seconds',
    default: '15',
    help: 'Longest back-off after failed or negative looks; the value of REFRESH_MIN where that is larger.',
    ...wholeNumber('seconds', 1, DAY),
  },
  negativeHold: {
    name: 'NEGATIVE_HOLD',
    unit: 'seconds',
    default: '900',
    help: 'How long the last known addresses outlive "no such name" or "no data" for both families.',
    ...wholeNumber('seconds', 0, 365 * DAY),
  },
  emptyTarget: {
    name: 'EMPTY_TARGET',
    unit: 'withdraw or hold',
    default: 'withdraw',
    help: 'What comes after NEGATIVE_HOLD: the last known addresses go, or they stay for ever.',
    ...oneOf('withdraw', 'hold'),
  },
  maxStale: {
    name: 'MAX_STALE',
    unit: 'seconds',
    default: '0',
    help: 'How long addresses are held while looks fail; 0: for as long as it takes.',
    ...wholeNumber('seconds', 0, 365 * DAY),
  },
  onStale: {
    name: 'ON_STALE',
    unit: 'fallback, keep or withdraw',
    default: 'fallback',
    help: "What comes after MAX_STALE: the record's fallback addresses stand in where it has some, the last known ones stay, or they go.",
    ...oneOf('fallback', 'keep', 'withdraw'),
  },
  rotationLooks: {
    name: 'ROTATION_LOOKS',
    unit: 'looks',
    default: '10',
    help: 'An address of a rotating target counts as gone when so many looks in a row were without it, and ROTATION_WINDOW is over.',
    ...wholeNumber('looks', 2, 1_000),
  },
  rotationWindow: {
    name: 'ROTATION_WINDOW',
    unit: 'seconds',
    default: '60',
    help: 'How long an address of a rotating target must be unseen to count as gone.',
    ...wholeNumber('seconds', 0, DAY),
  },
  rotationFloor: {
    name: 'ROTATION_FLOOR',
    unit: 'seconds',
    default: '300',
    help: 'The least time between two changes that one rotating target causes; a clean break to other addresses does not wait.',
    ...wholeNumber('seconds', 0, DAY),
  },
  publishPrivate: {
    name: 'PUBLISH_PRIVATE',
    unit: 'on or off',
    default: 'on',
    help: 'Whether private addresses of targets are published: 10/8, 172.16/12, 192.168/16, 100.64/10 and fc00::/7.',
    ...oneOf('on', 'off'),
  },
  publishDocumentation: {
    name: 'PUBLISH_DOCUMENTATION',
    unit: 'on or off',
    default: 'on',
    help: 'Whether addresses set aside for documentation (RFC 5737, 3849, 9637) are published.',
    ...oneOf('on', 'off'),
  },
  guardEmpty: {
    name: 'GUARD_EMPTY',
    unit: 'percent, or off',
    default: '20%',
    help: 'The share of all ALIAS records that may lose all addresses in one incident; more is held until the targets answer or --force.',
    ...share(),
  },
  guardChange: {
    name: 'GUARD_CHANGE',
    unit: 'percent, or off',
    default: '50%',
    help: 'The share that may change at once where another of RESOLVERS says otherwise; with one resolver no disagreement can be seen.',
    ...share(),
  },
  guardApex: {
    name: 'GUARD_APEX',
    unit: 'on or off',
    default: 'off',
    help: "Whether an ALIAS at a zone's own name keeps its last addresses until --force.",
    ...oneOf('on', 'off'),
  },
  serialPolicy: {
    name: 'SERIAL_POLICY',
    unit: 'increment, date (YYYYMMDDnn, UTC) or unixtime',
    default: 'increment',
    help: 'How serials grow; a zone may have a policy of its own.',
    ...oneOf('increment', 'date', 'unixtime'),
  },
  journalVersions: {
    name: 'JOURNAL_VERSIONS',
    unit: 'versions',
    default: '1000',
    help: 'Changes of one zone that are kept for IXFR at most; a secondary that is further behind gets the whole zone.',
    ...wholeNumber('versions', 1, 10_000),
  },
  journalBytes: {
    name: 'JOURNAL_BYTES',
    unit: 'bytes',
    default: '67108864',
    help: 'Bytes of changed records of one zone that are kept for IXFR at most.',
    ...wholeNumber('bytes', 0, 2 ** 40),
  },
  journalDays: {
    name: 'JOURNAL_DAYS',
    unit: 'days',
    default: '30',
    help: 'How long a change is kept for IXFR at most.',
    ...wholeNumber('days', 1, 3_650),
  },
  logLevel: {
    name: 'LOG_LEVEL',
    unit: 'debug, info, warn, error or silent',
    default: 'info',
    help: 'The least severe lines that are logged, on standard error.',
    ...oneOf('debug', 'info', 'warn', 'error', 'silent'),
  },
  logFormat: {
    name: 'LOG_FORMAT',
    unit: 'json or pretty',
    default: 'json',
    help: 'json for machines, pretty for people.',
    ...oneOf('json', 'pretty'),
  },
  ...tracingSettings,
} as const satisfies Record<string, Setting<unknown>>;
