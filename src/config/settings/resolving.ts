import type { ResolverAddress } from '../../resolver-address.ts';
import { cronExpression, type Parser, path, rate, resolvers, wholeNumber } from '../parsers.ts';
import type { Setting } from './setting.ts';

const DAY = 86_400;

const system: Parser<readonly ResolverAddress[] | 'system'> = {
  takes: `${resolvers().takes}, or "system"`,
  parse: (text) => (text === 'system' ? 'system' : resolvers().parse(text)),
};

/** How targets are looked up, and how often. */
export const resolvingSettings = {
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
} as const satisfies Record<string, Setting<unknown>>;
