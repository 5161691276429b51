import { addressPerFamily, endpoints, path, someOf, wholeNumber } from '../parsers.ts';
import type { Setting } from './setting.ts';

/** The doors for DNS, and NOTIFY. */
export const dnsSettings = {
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
} as const satisfies Record<string, Setting<unknown>>;
