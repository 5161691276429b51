import { isIP } from 'node:net';
import { type Endpoint, formatEndpoint, parseEndpoint } from './endpoint.ts';

/** A recursive resolver that is asked over TLS (RFC 7858). */
export interface TlsAddress {
  readonly tls: Endpoint;
  /** What its certificate has to be for; the IP address where none stands. */
  readonly name?: string;
}

/** A recursive resolver that is asked over HTTPS (RFC 8484). */
export interface HttpsAddress {
  /** An absolute `https:` URL without credentials, query or fragment. */
  readonly https: string;
}

/** Where a recursive resolver is, and how it is asked: over UDP and TCP where nothing else is said. */
export type ResolverAddress = Endpoint | TlsAddress | HttpsAddress;

/** Reads `IP[:PORT]`, `tls://IP[:PORT][#NAME]` or `https://HOST[:PORT]/PATH`; undefined where the text is none of them. */
export function parseResolver(text: string): ResolverAddress | undefined {
  const trimmed = text.trim();
  if (/^https:\/\//i.test(trimmed)) return parseHttps(trimmed);
  const tls = /^tls:\/\/([^#/]+)(?:#(.*))?$/i.exec(trimmed);
  if (!tls) return parseEndpoint(trimmed, 53);
  const [, where = '', name] = tls;
  const endpoint = parseEndpoint(where, 853);
  if (endpoint === undefined) return undefined;
  if (name === undefined) return { tls: endpoint };
  return isHostName(name) ? { tls: endpoint, name: name.toLowerCase() } : undefined;
}

/** The text that `parseResolver` reads back. */
export function formatResolver(address: ResolverAddress): string {
  if ('https' in address) return address.https;
  if ('tls' in address)
    return `tls://${formatEndpoint(address.tls)}${address.name === undefined ? '' : `#${address.name}`}`;
  return formatEndpoint(address);
}

/** The IP address that is asked; undefined where a name stands in its place. */
export function resolverIp(address: ResolverAddress): string | undefined {
  if ('tls' in address) return address.tls.ip;
  if (!('https' in address)) return address.ip;
  const host = new URL(address.https).hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(host) === 0 ? undefined : host;
}

function parseHttps(text: string): HttpsAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return isPlain && url.pathname.length > 1 ? { https: url.href } : undefined;
}

function isHostName(name: string): boolean {
  return isIP(name) === 0 && name.length <= 253 && /^([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/i.test(name);
}
