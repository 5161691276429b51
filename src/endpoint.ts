import { isIP, type Socket } from 'node:net';

/** Where a server is or listens: an IP address and a port. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/**
 * Reads `IP`, `IP:PORT`, `[IP6]:PORT`, `[IP6]` or `IP@PORT`.
 *
 * @param text what a person wrote; blanks around it are ignored
 * @param defaultPort the port where none stands
 * @returns the endpoint, or undefined when the text is none of these forms or the port is above 65535
 */
export function parseEndpoint(text: string, defaultPort: number): Endpoint | undefined {
  const { ip, port } = split(text.trim());
  if (isIP(ip) === 0) return undefined;
  if (port === undefined) return { ip, port: defaultPort };
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) return undefined;
  return { ip, port: Number(port) };
}

/** Writes an endpoint as `ip:port`, or `[ip6]:port`. */
export function formatEndpoint(endpoint: Endpoint): string {
  return isIP(endpoint.ip) === 6 ? `[${endpoint.ip}]:${endpoint.port}` : `${endpoint.ip}:${endpoint.port}`;
}

/** Whether an address is reachable from this machine alone: 127.0.0.0/8 or ::1, in any spelling. */
export function isLoopback(ip: string): boolean {
  if (isIP(ip) === 4) return ip.startsWith('127.');
  if (isIP(ip) !== 6 || ip.includes('%')) return false;
  const host = new URL(`http://[${ip}]/`).hostname;
  return host === '[::1]' || /^\[::ffff:7f[0-9a-f]{2}:/.test(host);
}

function split(text: string): { ip: string; port?: string } {
  const bracketed = /^\[([^\]]*)\](?:[:@](.*))?$/.exec(text);
  if (bracketed) return withPort(bracketed[1] ?? '', bracketed[2]);
  const at = text.lastIndexOf('@');
  if (at >= 0) return { ip: text.slice(0, at), port: text.slice(at + 1) };
  const colon = text.indexOf(':');
  // A second colon makes it an IPv6 address without brackets, which can't carry a port.
  if (colon >= 0 && colon === text.lastIndexOf(':')) {
    return { ip: text.slice(0, colon), port: text.slice(colon + 1) };
  }
  return { ip: text };
}

function withPort(ip: string, port: string | undefined): { ip: string; port?: string } {
  // Brackets are the IPv6 form alone: `[192.0.2.1]` is a slip of the pen.
  const address = isIP(ip) === 6 ? ip : '';
  return port === undefined ? { ip: address } : { ip: address, port };
}

/** Both ends of a connection: the same for the plain socket and the TLS socket over it. */
export function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
