import { classicTypes } from './classic.ts';
import { dnssecTypes } from './dnssec.ts';
import type { Codec } from './field.ts';
import { keyTypes } from './keys.ts';
import { locationTypes } from './location.ts';
import { serviceTypes } from './service.ts';

/** Every type whose data is understood. All others are octets (RFC 3597). */
export const codecs: ReadonlyMap<number, Codec> = new Map([
  ...classicTypes,
  ...keyTypes,
  ...serviceTypes,
  ...locationTypes,
  ...dnssecTypes,
]);
