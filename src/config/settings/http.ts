import { endpoint, keys, oneOf, path, token, wholeNumber } from '../parsers.ts';
import type { Setting } from './setting.ts';

/** The API, and what is secret. */
export const httpSettings = {
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
} as const satisfies Record<string, Setting<unknown>>;
