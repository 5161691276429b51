import { setImmediate as nextTurn } from 'node:timers/promises';
import { Condenser } from '../zone/condense.ts';
import { ownCopies } from '../zone/own-copies.ts';
import { type JournalStep, type PublishedZone, packedRecordEnd } from '../zone/version.ts';
import { Chunk, type RenderedMessage } from './chunk.ts';
import { within } from './deadline.ts';
import { Image, type MessageStream } from './image.ts';
import { composeIncremental, historyBytes, isConnected } from './incremental.ts';
import { MessagePacker } from './rendering.ts';
import type { VersionSource } from './source.ts';

export interface IncrementBounds {
  readonly historyBytes: number;
  readonly incrementBytes: number;
  readonly sourceMs: number;
}

interface Entry {
  readonly steps: Promise<readonly JournalStep[] | undefined>;
  image?: Image;
  bytes: number;
}

/**
 * What leads from one version of a zone to another: read from the journal once, condensed, rendered once, and given to
 * as many secondaries as ask for it. Kept up to a size, least recently used out first.
 */
export class Increments {
  readonly #source: VersionSource;
  readonly #bounds: IncrementBounds;
  /** By zone and serials, least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(source: VersionSource, bounds: IncrementBounds) {
    this.#source = source;
    this.#bounds = bounds;
  }

  /** Octets of what is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The change from a serial to the zone's own as one step (RFC 1995, 5), which is never larger than the steps that it
   * is made of. Undefined where the journal doesn't lead there, or is too large.
   *
   * @throws where the store can't give it
   */
  async history(zone: PublishedZone, from: number): Promise<readonly JournalStep[] | undefined> {
    return await this.#entry(zone, from).steps;
  }

  /**
   * What `history` gave as messages, that are made while they are read where they are many. One that turns out to be
   * broken is undefined to whoever asks for it next.
   *
   * @throws where what the journal has can't be rendered
   */
  open(zone: PublishedZone, from: number, steps: readonly JournalStep[]): MessageStream {
    const key = keyOf(zone, from);
    const entry = this.#entries.get(key);
    const image = entry?.image ?? new Image(zone.serial);
    if (image.zone === undefined) {
      image.isOpen(kept(zone));
      if (entry !== undefined) entry.image = image;
      this.#render(zone, steps, image).then(
        () => this.#grow(key, entry, image.bytes),
        () => this.#breaks(key, entry),
      );
      if (image.state === 'failed') throw image.error;
    }
    return image.read(
      () => {},
      () => {},
    );
  }

  /**
   * What leads from a serial to the zone's own where that is one message and was given before, so that nothing has to be decided any
   * more; else undefined.
   */
  onlyMessage(zone: Version, from: number): RenderedMessage | undefined {
    return this.#find(keyOf(zone, from))?.image?.only;
  }

  /** Forgets all, as what the store had may be lost there; those who read may go on. */
  forget(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  /** Marked as just used. */
  #find(key: string): Entry | undefined {
    const known = this.#entries.get(key);
    if (known === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, known);
    return known;
  }

  #entry(zone: PublishedZone, from: number): Entry {
    const key = keyOf(zone, from);
    const known = this.#find(key);
    if (known !== undefined) return known;
    const entry: Entry = { steps: this.#read(zone, from), bytes: ENTRY_BYTES };
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    entry.steps.then(
      (steps) =>
        steps === undefined ? this.#forget(key, entry) : this.#grow(key, entry, historyBytes(zone, steps)),
      () => this.#forget(key, entry),
    );
    return entry;
  }

  async #read(zone: PublishedZone, from: number): Promise<readonly JournalStep[] | undefined> {
    const { sourceMs, historyBytes: most } = this.#bounds;
    const steps = await within(
      sourceMs,
      `reading the history of ${zone.name}`,
      this.#source.history(zone.zoneId, from, zone.serial, most),
    );
    if (steps === undefined || !isConnected(zone, from, steps)) return undefined;
    const [first] = steps;
    return [keptStep(first !== undefined && steps.length === 1 ? first : await condense(steps))];
  }

  /** Small ones at once, larger ones with turns for everybody else in between. */
  async #render(zone: PublishedZone, steps: readonly JournalStep[], image: Image): Promise<void> {
    try {
      const packer = new MessagePacker(zone.nameWire, (message) => image.append(new Chunk('', [message], 0)));
      let octets = 0;
      for (const packed of composeIncremental(zone, steps)) {
        for (const slice of slices(packed)) {
          octets += slice.length;
          packer.add(slice);
          if (octets < TURN_BYTES) continue;
          octets = 0;
          await nextTurn();
        }
      }
      packer.end();
      image.complete();
    } catch (error) {
      image.fail(error);
      throw error;
    }
  }

  #grow(key: string, entry: Entry | undefined, bytes: number): void {
    if (entry === undefined || this.#entries.get(key) !== entry) return;
    entry.bytes += bytes;
    this.#bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.#entries) {
      if (this.#bytes <= this.#bounds.incrementBytes) return;
      this.#entries.delete(oldest);
      this.#bytes -= freed;
    }
  }

  #breaks(key: string, entry: Entry | undefined): void {
    if (entry === undefined || this.#entries.get(key) !== entry) return;
    this.#forget(key, entry);
    this.#entries.set(key, { steps: Promise.resolve(undefined), bytes: 0 });
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

type Version = Pick<PublishedZone, 'zoneId' | 'serial'>;

function keyOf(zone: Version, from: number): string {
  return `${zone.zoneId} ${from} ${zone.serial}`;
}

function kept(zone: PublishedZone): PublishedZone {
  const [nameWire, soa] = ownCopies(zone.nameWire, zone.soa);
  return { ...zone, nameWire, soa };
}

function keptStep(step: JournalStep): JournalStep {
  if (step.deleted.length + step.added.length > SLICE_BYTES) return step;
  const [oldSoa, newSoa, deleted, added] = ownCopies(step.oldSoa, step.newSoa, step.deleted, step.added);
  return { ...step, oldSoa, newSoa, deleted, added };
}

async function condense(steps: readonly JournalStep[]): Promise<JournalStep> {
  const condenser = new Condenser();
  let octets = 0;
  for (const step of steps) {
    condenser.add(step);
    octets += step.deleted.length + step.added.length;
    if (octets < TURN_BYTES) continue;
    octets = 0;
    await nextTurn();
  }
  return condenser.finish();
}

/** Whole records, some at a time. */
function* slices(packed: Buffer): Generator<Buffer> {
  if (packed.length <= SLICE_BYTES) {
    yield packed;
    return;
  }
  let start = 0;
  for (let at = 0; at < packed.length; ) {
    at = packedRecordEnd(packed, at);
    if (at - start < SLICE_BYTES && at < packed.length) continue;
    yield packed.subarray(start, at);
    start = at;
  }
}

/** About what an entry takes beside its octets. */
const ENTRY_BYTES = 2_048;
/** Octets of records handled before everybody else has a turn: about ten milliseconds. */
const TURN_BYTES = 262_144;
const SLICE_BYTES = 65_536;
