import { nameText, nameWire, rdataText, rdataWire } from './data.ts';
import { serial, walk } from './looks.ts';
import { acknowledgement, inbound, message, request, tsig } from './messages.ts';
import { answer, job, setting } from './others.ts';
import { journal } from './stored.ts';
import type { Target } from './target.ts';
import { address, words } from './words.ts';
import { alias65401, importing, zonefile } from './zones.ts';

/** Every parser that meets the outside, by the word for the command line and the corpus's folder. */
export const targets: Readonly<Record<string, Target>> = {
  message,
  request,
  tsig,
  inbound,
  acknowledgement,
  answer,
  walk,
  serial,
  journal,
  address,
  words,
  'name-wire': nameWire,
  'name-text': nameText,
  'rdata-wire': rdataWire,
  'rdata-text': rdataText,
  zonefile,
  import: importing,
  alias65401,
  setting,
  job,
};
