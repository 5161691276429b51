import { bind } from './secondary-config/bind.ts';
import { knot } from './secondary-config/knot.ts';
import { nsd } from './secondary-config/nsd.ts';
import type { SecondaryConfigOptions } from './secondary-config/options.ts';
import { powerdns } from './secondary-config/powerdns.ts';

export type { SecondaryConfigOptions, SecondaryTls } from './secondary-config/options.ts';

export const SECONDARY_KINDS = ['bind', 'nsd', 'knot', 'powerdns'] as const;
export type SecondaryKind = (typeof SECONDARY_KINDS)[number];

/**
 * The configuration that makes a BIND, NSD, Knot or PowerDNS a secondary of this service: key, zones and access, with
 * the pitfalls of that server as comments. For PowerDNS, which keeps zones and keys in a database, it is a shell script.
 * It works as it is when pasted into a running installation, so it holds no section that a server takes only once.
 *
 * @throws UserError for a catalog or TLS where that server, or that registration, can't have it
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
