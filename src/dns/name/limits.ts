/** Limits of names, and the shortest of them. */

/** Octets of one label, at most (RFC 1035, 2.3.4). */
export const MAX_LABEL = 63;
/** Octets of a whole name on the wire, root byte included, at most (RFC 1035, 2.3.4). */
export const MAX_NAME = 255;

/** The root of the tree: one zero octet. */
export const ROOT: Buffer = Buffer.from([0]);
