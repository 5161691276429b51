import { readFileSync } from 'node:fs';

/** The version of this package: `0.1.0`. */
export const VERSION = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
