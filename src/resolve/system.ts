import { Resolver as SystemResolver } from 'node:dns';
import { type Endpoint, parseEndpoint } from '../endpoint.ts';

/** The resolvers that this machine is set to; its own loopback address where it names none. */
export function systemServers(): Endpoint[] {
  // A new one reads the machine's settings again; the module's own list is as old as the process.
  const named = new SystemResolver().getServers();
  const servers = named.flatMap((text) => parseEndpoint(text, 53) ?? []);
  return servers.length > 0 ? servers : [{ ip: '127.0.0.1', port: 53 }];
}
