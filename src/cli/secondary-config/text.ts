import { createHash } from 'node:crypto';
import type { SecondaryConfigOptions } from './options.ts';

export function comment(mark: string, lines: string[]): string[] {
  return lines.map((line) => `${mark} ${line}`);
}

/** The line for a machine of several addresses, as a comment: behind NAT the registered address isn't its own. */
export function sourceNote(
  options: SecondaryConfigOptions,
  line: (ip: string) => string,
  where: string,
): string[] {
  const ips = [...new Set(options.addresses.map(({ ip }) => ip))];
  if (ips.length === 0) return [];
  return [
    `- Requests have to come from ${ips.join(' or ')}. On a machine with more addresses put this ${where}:`,
    ...ips.map((ip) => `      ${line(ip)}`),
  ];
}

export function notifySources(options: SecondaryConfigOptions): string[] {
  const asked = new Set(options.primary.map(({ ip }) => ip));
  return (options.notifyFrom ?? []).filter((ip) => !asked.has(ip));
}

/**
 * A name without its final dot in which every octet that one of the four grammars could take for itself is `\DDD`; all
 * four read that in a quoted name, and none of them takes the backslash for an escape of the quotes. In lower case, as
 * PowerDNS 4.7 signs wrongly with a key whose name has capitals.
 */
export function plain(name: string): string {
  return name
    .replace(/\\(\d{3})|\\(.)|([^a-zA-Z0-9._*/-])/g, (whole, decimal, escaped, other) =>
      decimal === undefined ? decimalEscape(escaped ?? other) : whole,
    )
    .replace(/(.)\.$/, '$1')
    .toLowerCase();
}

/** A file name that no zone name can lead out of its folder, unlike for unlike names, without `%`, which servers expand. */
export function fileName(zone: string): string {
  const name = plain(zone);
  if (name === '.') return 'root';
  if (name.length > 200) return createHash('sha256').update(name).digest('hex');
  return name.replace(
    /[^a-zA-Z0-9._-]/g,
    (character) => `+${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function decimalEscape(character: string): string {
  return `\\${String(character.charCodeAt(0)).padStart(3, '0')}`;
}
