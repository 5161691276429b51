import type { Message, ResourceRecord } from '../dns/message.ts';
import { isBelow, nameKey } from '../dns/name.ts';
import { CLASS_IN, RCODE, rcodeToText, TYPE } from '../dns/types.ts';
import { addressSet } from './addresses.ts';
import type { PlainAddresses } from './addresses-reply.ts';
import { extendedError } from './extended-error.ts';
import type { Evidence, Failed, FailureReason, Family, Link, Outcome } from './outcome.ts';
import type { Reply } from './question.ts';

/** CNAMEs of one chain, at most; resolvers themselves stop near 16. */
export const MOST_LINKS = 16;
/** Questions of one chase, at most: an upstream that gives one link at a time is asked again for the next. */
export const MOST_QUESTIONS = 8;
/** Seconds that any TTL is cut to (RFC 8767, 4). */
export const LONGEST_TTL = 604_800;

export interface Chased {
  outcome: Outcome;
  evidence: Evidence;
  /** What was left out of a found set, in words. */
  remark?: string;
}

/**
 * Finds the addresses of a name at one upstream: follows CNAMEs within an answer and, where the answer ends before
 * the chain does, by asking for its last name (RFC 1034, 3.6.2). `ask` puts one question.
 */
export async function chase(
  target: Buffer,
  family: Family,
  ask: (name: Buffer, type: number) => Promise<Reply>,
): Promise<Chased> {
  const walk: Walk = {
    name: target,
    seen: new Set([nameKey(target)]),
    chain: [],
    ttl: LONGEST_TTL,
    authentic: true,
    extendedErrors: new Set(),
  };
  for (let questions = 0; questions < MOST_QUESTIONS; questions++) {
    const reply = await ask(walk.name, TYPE[family]);
    if (reply.kind === 'failed') return finished(failed(reply.reason, reply.detail), walk, family);
    if (reply.kind === 'addresses') return atTheEnd(reply.addresses, walk, family);
    note(reply.message, walk);
    const step = readStep(reply.message, walk, family);
    if (step.kind !== 'more') return finished(step, walk, family);
  }
  return finished(failed('chain', `no end after ${MOST_QUESTIONS} answers`), walk, family);
}

/** What a chase comes to whose first answer held the addresses of the very name. */
export function plainly(addresses: PlainAddresses, family: Family): Chased {
  return atTheEnd(addresses, { chain: [], ttl: LONGEST_TTL, authentic: true }, family);
}

function atTheEnd({ rdatas, ttl, ad }: PlainAddresses, walk: Passed, family: Family): Chased {
  const addressTtl = Math.min(ttl, LONGEST_TTL);
  const passed = {
    ...walk,
    ttl: Math.min(walk.ttl, addressTtl),
    addressTtl,
    authentic: walk.authentic && ad,
  };
  return finished({ kind: 'addresses', rdatas }, passed, family);
}

/** What the way so far bears on the outcome. */
interface Passed {
  chain: Link[];
  /** The lowest of the chain. */
  ttl: number;
  addressTtl?: number;
  authentic: boolean;
  extendedErrors?: Set<string>;
}

interface Walk extends Passed {
  /** Where the chain stands. */
  name: Buffer;
  seen: Set<string>;
  extendedErrors: Set<string>;
}

type Step =
  | Failed
  | { kind: 'more' }
  | { kind: 'nodata' | 'nxdomain'; ttl?: number }
  | { kind: 'addresses'; rdatas: Buffer[] };

/** What an answer says about itself: all of a chain is authentic, or none of it. */
function note(message: Message, walk: Walk): void {
  walk.authentic &&= message.ad;
  const more = extendedError(message);
  if (more) walk.extendedErrors.add(more.text);
}

function readStep(message: Message, walk: Walk, family: Family): Step {
  // With CNAMEs in the answer NXDOMAIN speaks of the last name of the chain (RFC 6604, 3).
  if (message.rcode !== RCODE.NOERROR && message.rcode !== RCODE.NXDOMAIN) return refusal(message);
  const answers = byOwner(message.answers, family);
  const from = walk.name;
  for (;;) {
    const here = answers.get(nameKey(walk.name));
    if (here?.addresses.length) {
      walk.addressTtl = lowestTtl(here.addresses);
      walk.ttl = Math.min(walk.ttl, walk.addressTtl);
      return { kind: 'addresses', rdatas: here.addresses.map((record) => record.rdata) };
    }
    const problem = here ? follow(here.aliases, walk) : undefined;
    if (problem) return problem;
    if (!here) break;
  }
  if (message.rcode === RCODE.NXDOMAIN) return { kind: 'nxdomain', ...negativeTtl(message, walk) };
  if (soaOf(message, walk)) return { kind: 'nodata', ...negativeTtl(message, walk) };
  if (walk.name !== from) return { kind: 'more' };
  // a DNAME without the CNAME that it makes (RFC 6672, 3.1), say
  if (message.answers.length > 0)
    return failed('malformed', `the answer has nothing about ${nameKey(walk.name)}`);
  // Without a SOA it is a "no data" too (RFC 2308, 2.2), unless the answer came from one who doesn't recurse at all.
  if (message.authorities.some((record) => record.type === TYPE.NS) || (!message.ra && !message.aa)) {
    return failed('refused', 'a referral came in place of an answer: the upstream does not recurse');
  }
  return { kind: 'nodata' };
}

/** Goes one CNAME further; gives what is wrong with it. */
function follow(aliases: ResourceRecord[], walk: Walk): Failed | undefined {
  const [alias, ...others] = aliases;
  const next = nameKey(alias!.rdata);
  if (others.some((other) => nameKey(other.rdata) !== next)) {
    return failed('malformed', `${nameKey(walk.name)} has two CNAMEs`);
  }
  const ttl = lowestTtl(aliases);
  walk.ttl = Math.min(walk.ttl, ttl);
  if (walk.seen.has(next)) return failed('loop', `the CNAME chain comes back to ${next}`);
  if (walk.chain.length === MOST_LINKS)
    return failed('chain', `the CNAME chain has more than ${MOST_LINKS} links`);
  walk.seen.add(next);
  walk.chain.push({ name: next, ttl });
  walk.name = alias!.rdata;
  return undefined;
}

function finished(step: Exclude<Step, { kind: 'more' }>, walk: Passed, family: Family): Chased {
  // nothing vouches for an answer that did not come
  const evidence = evidenceOf(step.kind === 'failed' ? { ...walk, authentic: false } : walk);
  if (step.kind !== 'addresses') return { outcome: step, evidence };
  const { addresses, refused, surplus } = addressSet(family, step.rdatas);
  if (addresses.length === 0) {
    return {
      outcome: failed('malformed', `no address that may be published, only ${refused.join(', ')}`),
      evidence,
    };
  }
  const remarks = [
    ...(refused.length > 0 ? [`left out ${refused.join(', ')}`] : []),
    ...(surplus > 0 ? [`left out ${surplus} addresses over ${addresses.length}`] : []),
  ];
  const outcome: Outcome = { kind: 'found', addresses, ttl: walk.ttl };
  return remarks.length > 0 ? { outcome, evidence, remark: remarks.join('; ') } : { outcome, evidence };
}

function evidenceOf({ chain, addressTtl, authentic, extendedErrors }: Passed): Evidence {
  return {
    chain,
    ...(addressTtl === undefined ? {} : { addressTtl }),
    authentic,
    ...(!extendedErrors?.size ? {} : { extendedError: [...extendedErrors].join('; ') }),
  };
}

/** Records of one set should have one TTL; where they don't, the lowest counts (RFC 2181, 5.2). */
function lowestTtl(records: readonly ResourceRecord[]): number {
  return records.reduce((lowest, record) => Math.min(lowest, record.ttl), LONGEST_TTL);
}

function refusal(message: Message): Failed {
  const more = extendedError(message);
  const detail = `${rcodeToText(message.rcode)}${more ? ` (${more.text})` : ''}`;
  switch (message.rcode) {
    case RCODE.SERVFAIL:
      return failed(more?.bogus ? 'bogus' : 'servfail', detail);
    case RCODE.REFUSED:
    case RCODE.NOTAUTH:
      return failed('refused', detail);
    case RCODE.FORMERR:
    case RCODE.BADVERS:
      return failed('malformed', detail);
    default:
      return failed('servfail', detail);
  }
}

interface Owned {
  addresses: ResourceRecord[];
  aliases: ResourceRecord[];
}

/** The records that matter, by the key of their owner. Whatever else an answer holds is passed over. */
function byOwner(answers: readonly ResourceRecord[], family: Family): Map<string, Owned> {
  const owners = new Map<string, Owned>();
  for (const record of answers) {
    if (record.class !== CLASS_IN) continue;
    if (record.type !== TYPE[family] && record.type !== TYPE.CNAME) continue;
    const key = nameKey(record.name);
    const owned = owners.get(key) ?? { addresses: [], aliases: [] };
    owners.set(key, owned);
    (record.type === TYPE.CNAME ? owned.aliases : owned.addresses).push(record);
  }
  return owners;
}

/** That of the zone of the chain's last name: another zone's denies nothing there. Of another class it may have no data at all. */
function soaOf(message: Message, { name }: Walk): ResourceRecord | undefined {
  return message.authorities.find(
    (record) => record.type === TYPE.SOA && record.class === CLASS_IN && isBelow(name, record.name),
  );
}

/** How long a "no" may be kept: the lesser of the SOA's TTL and its minimum (RFC 2308, 5), and of the chain's TTLs. */
function negativeTtl(message: Message, walk: Walk): { ttl?: number } {
  const soa = soaOf(message, walk);
  if (soa === undefined) return {};
  const minimum = soa.rdata.readUInt32BE(soa.rdata.length - 4);
  return { ttl: Math.min(walk.ttl, soa.ttl, minimum) };
}

function failed(reason: FailureReason, detail: string): Failed {
  return { kind: 'failed', reason, detail };
}
