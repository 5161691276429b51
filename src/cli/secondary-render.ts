import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Endpoint, parseEndpoint } from '../endpoint.ts';
import { UserError } from '../errors.ts';
import { findKey } from '../store/keys.ts';
import { type Secondary, zonesOfSecondary } from '../store/secondaries.ts';
import type { Session } from './database.ts';
import { warn } from './output.ts';
import { type SecondaryKind, secondaryConfig } from './secondary-config.ts';
import { secondaryTls, type TlsOptions } from './secondary-tls.ts';

/**
 * The configuration of a registered secondary, from its registration, its zones or its catalog, and the settings of this service.
 *
 * @throws UserError where the catalog or TLS is asked for and can't be had
 */
export async function renderConfig(
  { pool, secrets, config: service }: Session,
  secondary: Secondary,
  kind: SecondaryKind,
  options: TlsOptions & { catalog?: boolean },
): Promise<string> {
  const byCatalog = options.catalog === true;
  if (byCatalog && secondary.catalog === null)
    throw new UserError(
      `secondary ${secondary.name} has no catalog: zoneferry secondary set ${secondary.name} --catalog ZONE gives it one`,
    );
  const zones = byCatalog ? [] : await zonesOfSecondary(pool, secondary.name);
  if (zones.length === 0 && !byCatalog)
    warn(`there are no zones yet that ${secondary.name} may have: its configuration lists none`);
  const key = secondary.keys[0] === undefined ? undefined : await findKey(pool, secrets, secondary.keys[0]);
  const tls = secondaryTls(options, service);
  return secondaryConfig(kind, {
    name: secondary.name,
    addresses: endpoints(secondary.addresses),
    primary:
      tls && service.tls
        ? reachable('TLS_LISTEN', service.tls.listen)
        : reachable('DNS_LISTEN', service.dnsListen),
    ...(tls ? { tls } : {}),
    notifyFrom: [service.notifyFrom.ipv4, service.notifyFrom.ipv6].flatMap((ip) =>
      ip === undefined || isWildcard(ip) ? [] : [ip],
    ),
    zones,
    ...(byCatalog && secondary.catalog !== null ? { catalog: secondary.catalog } : {}),
    ...(key ? { key: { name: key.name, algorithm: key.algorithm, secret: key.secret } } : {}),
  });
}

/** Where a secondary can ask: where we listen, and this machine's own addresses where that is a wildcard. */
function reachable(setting: string, listen: readonly Endpoint[]): Endpoint[] {
  const own = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).filter((one) => !one.internal && !one.address.startsWith('fe80:')),
  );
  const found = listen.flatMap(({ ip, port }) =>
    isWildcard(ip)
      ? own.filter((one) => isIPv6(one.address) === isIPv6(ip)).map((one) => ({ ip: one.address, port }))
      : [{ ip, port }],
  );
  if (found.length === 0)
    throw new UserError(
      `${setting} is a wildcard and this machine has no address of that family: set ${setting} to the one that secondaries reach`,
    );
  if (listen.some(({ ip }) => isWildcard(ip)))
    warn(
      `${setting} is a wildcard: the addresses of this machine stand as primary; keep those that the secondary reaches`,
    );
  return found;
}

function isWildcard(ip: string): boolean {
  return ip === '0.0.0.0' || ip === '::';
}

function endpoints(texts: readonly string[]): Endpoint[] {
  return texts.flatMap((text) => parseEndpoint(text, 53) ?? []);
}
