import { isNewer } from '../dns/serial.ts';
import type { JournalStep, OpenVersion, PublishedZone } from '../zone/version.ts';
import type { Chunk } from './chunk.ts';
import { within } from './deadline.ts';
import { Image, type MessageStream } from './image.ts';
import { LoneMessage } from './images/lone-message.ts';
import { Measured, type Size } from './images/measured.ts';
import { giveBack, Reading, type ReadingBounds } from './images/reading.ts';
import { Refresher } from './images/refresher.ts';
import { type Kept, Shelf, type ShelfBounds } from './images/shelf.ts';
import { isConnected } from './incremental.ts';
import { VersionPacker } from './packer.ts';
import { patchChunks } from './patch.ts';
import type { KnownVersion, VersionSource } from './source.ts';

export interface ImageBounds extends ShelfBounds, ReadingBounds {}

/** The steps between two versions of a zone; undefined where they are gone or too many. */
export type ReadHistory = (zone: PublishedZone, from: number) => Promise<readonly JournalStep[] | undefined>;

/**
 * The rendered versions of zones: each is rendered once, by streaming, and read by as many transfers as want it. After
 * a change the next version is made from the last one and the journal: only the chunks with changed owners are
 * rendered again. Rendering doesn't wait for readers, so that a database client is held no longer than PostgreSQL takes.
 */
export class Images {
  readonly #sourceMs: number;
  readonly #history: ReadHistory;
  readonly #reading: Reading;
  readonly #shelf: Shelf;
  readonly #refresher: Refresher;
  /** Content sizes of zones whose versions are not kept. */
  readonly #measured = new Measured();

  constructor(source: VersionSource, bounds: ImageBounds, history: ReadHistory) {
    this.#sourceMs = bounds.sourceMs;
    this.#history = history;
    this.#reading = new Reading(source, bounds);
    this.#shelf = new Shelf(bounds);
    this.#refresher = new Refresher((version) => this.#refresh(version));
  }

  /** Octets of all rendered messages that are in memory. */
  get bytes(): number {
    return this.#shelf.bytes;
  }

  /**
   * A whole version as messages: the one of `zone` or a newer one, with the opening and the closing SOA.
   *
   * @param onCut called where the version can't be kept for this reader any longer
   * @throws where the store can't give it
   */
  async open(zone: PublishedZone, onCut: (why: string) => void): Promise<MessageStream> {
    const kept = this.#shelf.find(zone);
    const image = kept === undefined ? this.#start(zone) : imageOf(kept, zone);
    const opened = await within(this.#sourceMs, `opening zone ${zone.name}`, image.opened);
    if (isNewer(zone.serial, opened.serial)) {
      throw new Error(
        `the store gave serial ${opened.serial} of ${zone.name}, at least ${zone.serial} was asked for`,
      );
    }
    const stream = image.read(onCut, () => {
      if (!image.inUse) this.#shelf.letGo(image);
    });
    this.#shelf.beginReading(zone.zoneId, image);
    return stream;
  }

  /** The one message that a whole version is, where that is at hand; else undefined. */
  onlyMessage(zoneId: string, serial: number): LoneMessage | undefined {
    const kept = this.#shelf.of(zoneId);
    return kept instanceof LoneMessage && kept.serial === serial ? kept : undefined;
  }

  /**
   * Whether the records of a zone are more than so many octets, SOA and compression left out. Without an image this
   * reads no more of the zone than it needs to know, and nothing where it knows the version that `steps` begin at.
   *
   * @param steps what led to this version
   */
  async isLarger(zone: PublishedZone, octets: number, steps: readonly JournalStep[] = []): Promise<boolean> {
    const kept = this.#shelf.of(zone.zoneId);
    const size = kept && sizeOf(kept);
    if (size?.serial === zone.serial && (size.isWhole || size.bytes > octets)) return size.bytes > octets;
    const derived = this.#measured.after(zone, steps, size);
    if (derived !== undefined && (derived.isWhole || derived.bytes > octets)) return derived.bytes > octets;
    // What was measured for another serial is near enough where it is far from the line.
    const known = size?.bytes ?? this.#measured.of(zone.zoneId)?.bytes ?? 0;
    if (known > 4 * octets) return true;
    const measured = await this.#measure(zone, Math.max(octets, PROBE_BYTES));
    return measured > octets;
  }

  /**
   * The store has a newer version. Where the one before is kept, large, and read now and then, this one is made soon, before somebody
   * asks for it.
   */
  changed(version: KnownVersion): void {
    if (this.#imageToRefresh(version) !== undefined) this.#refresher.changed(version);
  }

  /** Forgets all versions, as they may be lost in the store; those who read them may go on. */
  forget(): void {
    this.#shelf.forget();
    this.#measured.forget();
  }

  /** Stops what is being rendered and forgets everything. */
  close(): void {
    this.#refresher.stop();
    this.#reading.stop();
    this.#shelf.clear();
  }

  async #refresh(version: KnownVersion): Promise<void> {
    await this.#imageToRefresh(version)?.settled();
    // what it was may be complete, gone, or another one now
    const before = this.#imageToRefresh(version);
    if (before?.state !== 'complete' || this.#reading.isStopping) return;
    const image = this.#start(version.zone());
    image.unread = before.unread + 1;
    await image.settled();
  }

  #imageToRefresh({ zoneId, serial }: KnownVersion): Image | undefined {
    const kept = this.#shelf.of(zoneId);
    if (kept === undefined || kept instanceof LoneMessage || kept.unread >= REFRESHES_UNREAD)
      return undefined;
    return isNewer(serial, kept.zone?.serial ?? kept.wanted) ? kept : undefined;
  }

  #start(zone: PublishedZone): Image {
    const image = new Image(zone.serial);
    const before = this.#shelf.of(zone.zoneId);
    this.#shelf.put(zone.zoneId, image);
    void this.#make(zone, image, before);
    return image;
  }

  async #make(zone: PublishedZone, image: Image, before: Kept | undefined): Promise<void> {
    try {
      const isPatched = before !== undefined && (await this.#patch(zone, image, imageOf(before, zone)));
      // Its memory is not to be held while all is rendered anew.
      before = undefined;
      if (!isPatched) {
        await this.#reading.open(zone, 'render', (version) => this.#render(version, image));
      }
      image.complete();
      this.#shelf.rest(zone.zoneId, image);
    } catch (error) {
      if (this.#shelf.of(zone.zoneId) === image) this.#shelf.drop(zone.zoneId);
      this.#shelf.letGo(image);
      image.fail(error);
    } finally {
      this.#shelf.trim();
    }
  }

  /** Makes the image from the one before it; false where that can't be done. */
  async #patch(zone: PublishedZone, image: Image, before: Image): Promise<boolean> {
    const chunks = await this.#patched(zone, before).catch(() => undefined);
    if (chunks === undefined) return false;
    for (const chunk of chunks) this.#append(zone.zoneId, image, chunk);
    image.isOpen(zone);
    return true;
  }

  async #patched(zone: PublishedZone, before: Image): Promise<Chunk[] | undefined> {
    await before.settled();
    const from = before.zone;
    if (from === undefined || before.state !== 'complete' || !isNewer(zone.serial, from.serial))
      return undefined;
    const steps = await this.#history(zone, from.serial);
    if (steps === undefined || !isConnected(zone, from.serial, steps)) return undefined;
    const first = steps[0]!;
    if (first.oldSoaTtl !== from.soaTtl || !first.oldSoa.equals(from.soa)) return undefined;
    return await patchChunks(before.chunks, zone, steps);
  }

  async #render(version: OpenVersion, image: Image): Promise<void> {
    const { zone } = version;
    let packer: VersionPacker;
    try {
      packer = new VersionPacker(zone, (chunk) => {
        this.#append(zone.zoneId, image, chunk);
        this.#shelf.trim();
      });
    } catch (error) {
      giveBack(version);
      throw error;
    }
    image.isOpen(zone);
    for await (const batch of this.#reading.batches(version)) packer.add(batch);
    packer.end();
  }

  #append(zoneId: string, image: Image, chunk: Chunk): void {
    image.append(chunk);
    this.#shelf.append(zoneId, image, chunk);
  }

  async #measure(zone: PublishedZone, enough: number): Promise<number> {
    return await this.#reading.open(zone, 'measure', async (version) => {
      let bytes = 0;
      let isWhole = true;
      for await (const batch of this.#reading.batches(version)) {
        bytes += batch.length;
        isWhole = bytes <= enough;
        if (!isWhole) break;
      }
      this.#measured.set(zone.zoneId, { serial: version.zone.serial, bytes, isWhole });
      return bytes;
    });
  }
}

function sizeOf(kept: Kept): Size {
  return kept instanceof LoneMessage
    ? { serial: kept.serial, bytes: kept.contentBytes, isWhole: true }
    : { serial: kept.zone?.serial, bytes: kept.contentBytes, isWhole: kept.state === 'complete' };
}

function imageOf(kept: Kept, zone: PublishedZone): Image {
  return kept instanceof LoneMessage ? kept.image(zone) : kept;
}

// A first look reads at least this much of a zone, so that later small changes to a large one need no look.
const PROBE_BYTES = 65_536;
/** Versions made unasked one after the other, before somebody has to ask again. */
const REFRESHES_UNREAD = 4;
