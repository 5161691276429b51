import { bind } from './secondary-config/bind.ts';
import { knot } from './secondary-config/knot.ts';
import { nsd } from './secondary-config/nsd.ts';
import { powerdns } from './secondary-config/powerdns.ts';

export const SECONDARY_KINDS = ['bind', 'nsd', 'knot', 'powerdns'] as const;
export type SecondaryKind = (typeof SECONDARY_KINDS)[number];

export interface SecondaryConfigOptions {
  /** What the secondary is called here; appears in comments alone. */
  name: string;
  /** The addresses it is registered with: where NOTIFY goes and where its requests have to come from. */
  addresses: { ip: string; port: number }[];
  /** Where it asks: the listening addresses of this service. */
  primary: { ip: string; port: number }[];
  /** Where NOTIFY comes from, when not from the addresses of `primary`. */
  notifyFrom?: string[];
  /** Zone names in canonical text. */
  zones: string[];
  /** The catalog by which it learns its zones, instead of having them listed one by one. */
  catalog?: string;
  /** Algorithm as `hmac-sha256`, secret in base64. */
  key?: { name: string; algorithm: string; secret: string };
}

/**
 * The configuration that makes a BIND, NSD, Knot or PowerDNS a secondary of this service: key, zones and access, with
 * the pitfalls of that server as comments. For PowerDNS, which keeps zones and keys in a database, it is a shell script.
 * It works as it is when pasted into a running installation, so it holds no section that a server takes only once.
 *
 * @throws UserError for a catalog where that server, or that registration, can't have one
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
