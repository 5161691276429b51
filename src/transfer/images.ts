import { setImmediate as nextTurn } from 'node:timers/promises';
import { isNewer } from '../dns/serial.ts';
import type { Chunk, RenderedMessage } from './chunk.ts';
import { within } from './deadline.ts';
import { Image, type MessageStream } from './image.ts';
import { isConnected } from './incremental.ts';
import { VersionPacker } from './packer.ts';
import { patchChunks } from './patch.ts';
import { FairSlots } from './slots.ts';
import type { JournalStep, OpenVersion, PublishedZone, VersionSource } from './source.ts';

export interface ImageBounds {
  readonly imageBytes: number;
  readonly lingeringBytes: number;
  readonly renderings: number;
  readonly sourceMs: number;
}

/** The steps between two versions of a zone; undefined where they are gone or too many. */
export type ReadHistory = (zone: PublishedZone, from: number) => Promise<readonly JournalStep[] | undefined>;

/**
 * The rendered versions of zones: each is rendered once, by streaming, and read by as many transfers as want it. After
 * a change the next version is made from the last one and the journal: only the chunks with changed owners are
 * rendered again. The newest of each zone is kept up to a size, least recently used out first. An older one lives on
 * for those who are still reading it, within a bound of its own. Rendering doesn't wait for readers, so that a
 * database client is held no longer than PostgreSQL takes.
 */
export class Images {
  readonly #source: VersionSource;
  readonly #bounds: ImageBounds;
  readonly #history: ReadHistory;
  readonly #slots: FairSlots;
  readonly #stopping = new AbortController();
  /** By zone, least recently used first. */
  readonly #kept = new Map<string, Image>();
  #keptBytes = 0;
  /** No longer kept, and still read by somebody; oldest first. */
  readonly #lingering = new Set<Image>();
  /** Octets of all chunks that a kept or a lingering image has, each counted once. */
  #bytes = 0;
  /** Content sizes of zones once measured, by zone; a little out of date at times. */
  readonly #measured = new Map<string, number>();

  constructor(source: VersionSource, bounds: ImageBounds, history: ReadHistory) {
    this.#source = source;
    this.#bounds = bounds;
    this.#history = history;
    this.#slots = new FairSlots(bounds.renderings);
  }

  /** Octets of all rendered messages that are in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A whole version as messages: the one of `zone` or a newer one, with the opening and the closing SOA.
   *
   * @param onCut called where the version can't be kept for this reader any longer
   * @throws where the store can't give it
   */
  async open(zone: PublishedZone, onCut: (why: string) => void): Promise<MessageStream> {
    const image = this.#touch(zone) ?? this.#start(zone);
    const opened = await within(this.#bounds.sourceMs, `opening zone ${zone.name}`, image.opened);
    if (isNewer(zone.serial, opened.serial)) {
      throw new Error(
        `the store gave serial ${opened.serial} of ${zone.name}, at least ${zone.serial} was asked for`,
      );
    }
    const stream = image.read(onCut, () => {
      if (!image.inUse) this.#letGo(image);
    });
    if (this.#kept.get(zone.zoneId) !== image) this.#linger(image);
    return stream;
  }

  /** The one message that a whole version is, where it is rendered already and no longer than that; else undefined. */
  onlyMessage(zone: PublishedZone): RenderedMessage | undefined {
    const image = this.#touch(zone);
    return image?.zone?.serial === zone.serial ? image.only : undefined;
  }

  /**
   * Whether the records of a zone are more than so many octets, SOA and compression left out. Without an image this
   * reads no more of the zone than it needs to know.
   */
  async isLarger(zone: PublishedZone, octets: number): Promise<boolean> {
    const image = this.#kept.get(zone.zoneId);
    if (image?.zone?.serial === zone.serial && image.state !== 'failed') {
      if (image.contentBytes > octets || image.state === 'complete') return image.contentBytes > octets;
    }
    // What was measured for another serial is near enough where it is far from the line.
    if ((this.#measured.get(zone.zoneId) ?? 0) > 4 * octets) return true;
    const size = await this.#measure(zone, Math.max(octets, PROBE_BYTES));
    return size > octets;
  }

  /** Stops what is being rendered and forgets everything. */
  close(): void {
    this.#stopping.abort();
    this.#kept.clear();
    this.#keptBytes = 0;
    this.#lingering.clear();
    this.#bytes = 0;
  }

  /** The kept image that will do for this version, marked as just used. */
  #touch(zone: PublishedZone): Image | undefined {
    const image = this.#kept.get(zone.zoneId);
    if (image === undefined || image.state === 'failed') return undefined;
    const serial = image.zone?.serial ?? image.wanted;
    if (serial !== zone.serial && !isNewer(serial, zone.serial)) return undefined;
    this.#kept.delete(zone.zoneId);
    this.#kept.set(zone.zoneId, image);
    return image;
  }

  #start(zone: PublishedZone): Image {
    const image = new Image(zone.serial);
    const before = this.#kept.get(zone.zoneId);
    this.#drop(zone.zoneId);
    this.#kept.set(zone.zoneId, image);
    void this.#make(zone, image, before);
    return image;
  }

  async #make(zone: PublishedZone, image: Image, before: Image | undefined): Promise<void> {
    try {
      const isPatched = before !== undefined && (await this.#patch(zone, image, before));
      // Its memory is not to be held while all is rendered anew.
      before = undefined;
      if (!isPatched) await this.#render(zone, image);
      image.complete();
      this.#remember(zone.zoneId, image.contentBytes);
    } catch (error) {
      if (this.#kept.get(zone.zoneId) === image) this.#drop(zone.zoneId);
      this.#letGo(image);
      image.fail(error);
    } finally {
      this.#trim();
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

  async #render(zone: PublishedZone, image: Image): Promise<void> {
    const { sourceMs } = this.#bounds;
    const release = await this.#slots.acquire('', sourceMs, this.#stopping.signal);
    try {
      if (release === undefined) throw new Error(`no turn to render ${zone.name} came within ${sourceMs} ms`);
      await this.#renderVersion(await this.#openVersion(zone), image);
    } finally {
      release?.();
    }
  }

  async #openVersion(zone: PublishedZone): Promise<OpenVersion> {
    const { sourceMs } = this.#bounds;
    const opening = this.#source.open(zone.zoneId);
    try {
      return await within(sourceMs, `opening zone ${zone.name}`, opening);
    } catch (error) {
      // One that comes too late is given back unread.
      opening.then(giveBack).catch(() => {});
      throw error;
    }
  }

  async #renderVersion(version: OpenVersion, image: Image): Promise<void> {
    const { zone } = version;
    let packer: VersionPacker;
    try {
      packer = new VersionPacker(zone, (chunk) => {
        this.#append(zone.zoneId, image, chunk);
        this.#trim();
      });
    } catch (error) {
      giveBack(version);
      throw error;
    }
    image.isOpen(zone);
    for await (const batch of this.#batches(version)) packer.add(batch);
    packer.end();
  }

  #append(zoneId: string, image: Image, chunk: Chunk): void {
    image.append(chunk);
    const isKept = this.#kept.get(zoneId) === image;
    if (isKept) this.#keptBytes += chunk.bytes;
    if ((isKept || this.#lingering.has(image)) && chunk.holders++ === 0) this.#bytes += chunk.bytes;
  }

  /** The batches, each within its deadline, with a turn for everybody else in between. */
  async *#batches(version: OpenVersion): AsyncGenerator<Buffer> {
    const iterator = version.batches[Symbol.asyncIterator]();
    let finished = false;
    try {
      for (let count = 0; ; count++) {
        if (count > 0) {
          await nextTurn();
          if (this.#stopping.signal.aborted) throw new Error('the server is stopping');
        }
        const next = await within(
          this.#bounds.sourceMs,
          `reading zone ${version.zone.name}`,
          iterator.next(),
        );
        finished = next.done === true;
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      // Not waited for: the one that is late would make us late too.
      if (!finished) void iterator.return?.().catch(() => {});
    }
  }

  async #measure(zone: PublishedZone, enough: number): Promise<number> {
    const { sourceMs } = this.#bounds;
    const release = await this.#slots.acquire('', sourceMs, this.#stopping.signal);
    if (release === undefined) throw new Error(`no turn to measure ${zone.name} came within ${sourceMs} ms`);
    try {
      const version = await this.#openVersion(zone);
      let size = 0;
      for await (const batch of this.#batches(version)) {
        size += batch.length;
        if (size > enough) break;
      }
      this.#remember(zone.zoneId, size);
      return size;
    } finally {
      release();
    }
  }

  #remember(zoneId: string, size: number): void {
    if (this.#measured.size >= MEASURED_ZONES) this.#measured.clear();
    this.#measured.set(zoneId, size);
  }

  /** Takes a zone's image out of what is kept; those who read it may go on. */
  #drop(zoneId: string): void {
    const image = this.#kept.get(zoneId);
    if (image === undefined) return;
    this.#kept.delete(zoneId);
    this.#keptBytes -= image.bytes;
    if (image.inUse) this.#lingering.add(image);
    else this.#release(image);
  }

  /** An image that is read and not kept. */
  #linger(image: Image): void {
    if (this.#lingering.has(image)) return;
    this.#lingering.add(image);
    for (const chunk of image.chunks) if (chunk.holders++ === 0) this.#bytes += chunk.bytes;
  }

  #letGo(image: Image): void {
    if (this.#lingering.delete(image)) this.#release(image);
  }

  #release(image: Image): void {
    for (const chunk of image.chunks) if (--chunk.holders === 0) this.#bytes -= chunk.bytes;
  }

  #trim(): void {
    if (this.#keptBytes > this.#bounds.imageBytes) {
      for (const [zoneId, image] of this.#kept) {
        if (this.#keptBytes <= this.#bounds.imageBytes) break;
        if (image.state !== 'rendering') this.#drop(zoneId);
      }
    }
    for (const image of this.#lingering) {
      // The last one may be as large as it likes: a zone above the bound can be transferred all the same.
      if (this.#bytes - this.#keptBytes <= this.#bounds.lingeringBytes || this.#lingering.size === 1) break;
      this.#letGo(image);
      image.cut('its version of the zone is outdated and memory is needed for newer ones');
    }
  }
}

/**
 * Frees what a version holds that nobody is going to read. A generator that was never started would end without
 * running its `finally`, so it is started first.
 */
function giveBack(version: OpenVersion): void {
  const iterator = version.batches[Symbol.asyncIterator]();
  iterator
    .next()
    .then(() => iterator.return?.())
    .catch(() => {});
}

// A first look reads at least this much of a zone, so that later small changes to a large one need no look.
const PROBE_BYTES = 65_536;
const MEASURED_ZONES = 200_000;
