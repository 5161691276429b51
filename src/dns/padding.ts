/** Padding of messages that travel encrypted (RFC 7830), in blocks, so that their length tells little (RFC 8467). */

/** Octets of a block of replies (RFC 8467, 4.1). */
export const REPLY_BLOCK = 468;
/** The same of queries. */
export const QUERY_BLOCK = 128;

/** The option's code (RFC 7830, 3). */
export const PADDING_OPTION = 12;

/**
 * Octets inside the padding option that make a message of `octets`, all but this option counted, a number of whole
 * blocks, or as long as it may be. Undefined where the option has no room at all.
 */
export function paddingOctets(octets: number, most: number, block = REPLY_BLOCK): number | undefined {
  const least = octets + OPTION_HEAD;
  if (least > most) return undefined;
  return Math.min(Math.ceil(least / block) * block, most) - least;
}

const OPTION_HEAD = 4;
