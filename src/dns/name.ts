/**
 * Domain names. A name is a Buffer: its uncompressed wire form (RFC 1035, 3.1) with the root byte at the end,
 * in the case it was written in. Whoever compares names does it by `nameKey`, `equalNames` or `canonicalName`.
 */
export { canonicalName, equalNames, isBelow, labelCount, lowerCase, parentName } from './name/compare.ts';
export { formatName, nameKey } from './name/format.ts';
export { MAX_LABEL, MAX_NAME, ROOT } from './name/limits.ts';
export { absoluteName, NameError, parseName } from './name/parse.ts';
export { endOfName, readName } from './name/wire.ts';
