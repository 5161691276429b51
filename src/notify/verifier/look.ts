import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { absoluteName } from '../../dns/name.ts';
import { compareSerial, isNewer } from '../../dns/serial.ts';
import type { Endpoint } from '../../endpoint.ts';
import { aheadBy } from '../../zone/serial-walk.ts';
import type { Sockets } from '../sockets.ts';
import { type AskOptions, ask, askSerial, type Shown } from './ask.ts';
import { compare, type Rrset, sampleOf } from './compare.ts';
import type { Awaited, Changed, Look, Published, PublishedContent, RrsetName } from './ports.ts';
import { together } from './together.ts';

/** What a look saw; when to look again is for the verifier to say. */
export type Seen = Omit<Look, 'nextAt' | 'unasked' | 'tellAgain'> & {
  /** A serial newer than any that we publish. */
  ahead?: number;
  /** Nothing more is to be learned of this serial. */
  done: boolean;
};

/** Milliseconds after which what differs is asked once more: it may just be loading. */
const ONCE_MORE = 300;

/**
 * Looks at one zone at one secondary: its serial at every address, and where that is ours, the RRsets that changed last. What looks at once
 * want to know of the database is asked together.
 */
export class Looks {
  readonly #sockets: Sockets;
  readonly #clock: Clock;
  readonly #changed: (zoneId: string) => Promise<Changed | undefined>;
  readonly #published: (name: RrsetName) => Promise<Published | undefined>;

  constructor(sockets: Sockets, content: PublishedContent, clock: Clock) {
    this.#sockets = sockets;
    this.#clock = clock;
    this.#changed = together((zoneIds: readonly string[]) => content.changed(zoneIds));
    this.#published = together((names: readonly RrsetName[]) => content.published(names));
  }

  /** @throws the signal's reason when it is aborted, and what the database says */
  async look(awaited: Awaited, options: AskOptions): Promise<Seen> {
    const name = absoluteName(awaited.zone);
    const shown = await Promise.all(
      awaited.checkAt.map((address) => askSerial(this.#sockets, address, name, options)),
    );
    const { zoneId, secondaryId, serial, committedAt } = awaited;
    const at = new Date(this.#clock.now());
    const serials = shown.filter((one) => one.kind === 'serial');
    const seen = {
      zoneId,
      secondaryId,
      serial,
      committedAt,
      at,
      ...(serials.length > 0 ? { shown: oldest(serials.map((one) => one.serial)) } : {}),
      serving: false,
      compared: false,
      done: false,
    };
    const missing = shown.find((one) => one.kind !== 'serial');
    if (missing !== undefined) return { ...seen, ...whyOf(missing) };
    if (serials.some((one) => compareSerial(one.serial, serial) === 'older')) return seen;
    const changed = await this.#changed(zoneId);
    // the zone was deleted meanwhile
    if (changed === undefined) return { ...seen, serving: true, done: true };
    const ahead = serials.map((one) => one.serial).filter((one) => aheadBy(one, changed.serial) > 0);
    if (ahead.length > 0) {
      const newest = ahead.reduce((a, b) => (isNewer(b, a) ? b : a));
      return { ...seen, shown: newest, ahead: newest };
    }
    const serving = { ...seen, serving: true };
    // a newer version was published meanwhile, which is looked for by itself
    if (serials.some((one) => one.serial !== changed.serial)) return { ...serving, done: true };
    const sample = sampleOf(changed.records, name);
    for (const { at: address } of serials) {
      const found = await this.#compareAt(address, awaited, changed.serial, sample, options);
      if (found.kind === 'differs') return { ...serving, compared: true, differs: found.rrset };
      if (found.kind === 'unclear') return serving;
    }
    return { ...serving, compared: true, done: true };
  }

  async #compareAt(
    address: Endpoint,
    awaited: Awaited,
    serial: number,
    sample: readonly Rrset[],
    options: AskOptions,
  ): Promise<{ kind: 'same' | 'unclear' } | { kind: 'differs'; rrset: string }> {
    for (let again = false; ; again = true) {
      const verdicts = await Promise.all(
        sample.map((rrset) => this.#compareOne(address, awaited.zoneId, serial, rrset, options)),
      );
      if (verdicts.includes('unclear')) return { kind: 'unclear' };
      const other = verdicts.indexOf('other');
      if (other < 0) return { kind: 'same' };
      const now = await askSerial(this.#sockets, address, absoluteName(awaited.zone), options);
      if (now.kind !== 'serial' || now.serial !== serial) return { kind: 'unclear' };
      const { owner, typeText } = sample[other]!;
      if (again) return { kind: 'differs', rrset: `${owner} ${typeText}` };
      await pause(ONCE_MORE, undefined, { ...(options.signal ? { signal: options.signal } : {}) });
    }
  }

  async #compareOne(
    address: Endpoint,
    zoneId: string,
    serial: number,
    rrset: Rrset,
    options: AskOptions,
  ): Promise<'same' | 'other' | 'unknown' | 'unclear'> {
    const [said, published] = await Promise.all([
      ask(this.#sockets, address, rrset.name, rrset.type, options),
      this.#published({ zoneId, owner: rrset.owner, type: rrset.typeText }),
    ]);
    if (said.kind === 'silent' || published?.serial !== serial) return 'unclear';
    return compare(rrset, published, said.message);
  }
}

function oldest(serials: readonly number[]): number {
  return serials.reduce((a, b) => (isNewer(a, b) ? b : a));
}

function whyOf(missing: Exclude<Shown, { kind: 'serial' }>): { error: string; rcode?: number } {
  return missing.kind === 'refused'
    ? { error: missing.error, rcode: missing.rcode }
    : { error: missing.error };
}
