import { isNewer } from '../../dns/serial.ts';
import type { PublishedZone } from '../../zone/version.ts';
import type { Chunk } from '../chunk.ts';
import type { Image } from '../image.ts';
import { LoneMessage } from './lone-message.ts';

export interface ShelfBounds {
  readonly imageBytes: number;
  readonly lingeringBytes: number;
}

/** What is kept of a zone; one that is complete and has one message is kept as that. */
export type Kept = Image | LoneMessage;

/**
 * The newest rendered version of each zone, up to a size: the least recently used go first, where "recently" is since they were last
 * passed over, so that using one costs nothing but a mark. An older one lives on for those who are still reading it, within a bound of
 * its own.
 */
export class Shelf {
  readonly #bounds: ShelfBounds;
  /** By zone, in the order in which they are looked at for room. */
  readonly #kept = new Map<string, Kept>();
  #keptBytes = 0;
  /** No longer kept, and still read by somebody; oldest first. */
  readonly #lingering = new Set<Image>();
  /** Octets of all messages that are kept or linger; those that versions share are counted once. */
  #bytes = 0;

  constructor(bounds: ShelfBounds) {
    this.#bounds = bounds;
  }

  /** Octets of all rendered messages that are in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is kept of a zone, of whatever serial. */
  of(zoneId: string): Kept | undefined {
    return this.#kept.get(zoneId);
  }

  /** What will do for this version, the same or a newer one; marked as used. */
  find(zone: PublishedZone): Kept | undefined {
    const kept = this.#kept.get(zone.zoneId);
    if (kept === undefined) return undefined;
    const serial = kept instanceof LoneMessage ? kept.serial : (kept.zone?.serial ?? kept.wanted);
    if (serial !== zone.serial && !isNewer(serial, zone.serial)) return undefined;
    kept.isUsed = true;
    return kept;
  }

  /** Keeps an image that is going to grow, in place of what is kept of its zone. */
  put(zoneId: string, image: Image): void {
    this.drop(zoneId);
    this.#kept.set(zoneId, image);
  }

  /** The image has grown by this. */
  append(zoneId: string, image: Image, chunk: Chunk): void {
    const isKept = this.#kept.get(zoneId) === image;
    if (isKept) this.#keptBytes += chunk.bytes;
    if ((isKept || this.#lingering.has(image)) && chunk.holders++ === 0) this.#bytes += chunk.bytes;
  }

  /** The image is complete: from now on it is kept in the least octets. */
  rest(zoneId: string, image: Image): void {
    const { only, zone } = image;
    if (only === undefined || zone === undefined || this.#kept.get(zoneId) !== image) return;
    const lone = new LoneMessage(image, zone.serial, only);
    lone.isUsed = image.isUsed;
    this.#kept.set(zoneId, lone);
    if (lone.shared !== undefined) return;
    this.#release(image);
    this.#keptBytes += lone.bytes - image.bytes;
    this.#bytes += lone.bytes;
  }

  /** Takes a zone's version out of what is kept; those who read it may go on. */
  drop(zoneId: string): void {
    const kept = this.#kept.get(zoneId);
    if (kept === undefined) return;
    this.#kept.delete(zoneId);
    this.#keptBytes -= kept.bytes;
    if (kept instanceof LoneMessage) {
      kept.isKept = false;
      if (kept.shared === undefined) this.#bytes -= kept.bytes;
    }
    const image = kept instanceof LoneMessage ? kept.shared : kept;
    if (image === undefined) return;
    if (image.inUse) this.#lingering.add(image);
    else this.#release(image);
  }

  /** Somebody reads the image, which may be one that is not kept. */
  beginReading(zoneId: string, image: Image): void {
    const kept = this.#kept.get(zoneId);
    const isKept = kept === image || (kept instanceof LoneMessage && isOf(kept, image));
    if (isKept || this.#lingering.has(image)) return;
    this.#lingering.add(image);
    for (const chunk of image.chunks) if (chunk.holders++ === 0) this.#bytes += chunk.bytes;
  }

  /** Nobody reads the image any more, or it is of no use to anybody. */
  letGo(image: Image): void {
    if (this.#lingering.delete(image)) this.#release(image);
  }

  /** Makes room where the bounds are passed. */
  trim(): void {
    this.#trimKept();
    for (const image of this.#lingering) {
      // The last one may be as large as it likes: a zone above the bound can be transferred all the same.
      const bytes = this.#bytes - this.#keptBytes;
      if (bytes <= this.#bounds.lingeringBytes || this.#lingering.size === 1) break;
      this.letGo(image);
      image.cut('its version of the zone is outdated and memory is needed for newer ones');
    }
  }

  /** Keeps nothing any more; those who read may go on. */
  forget(): void {
    for (const zoneId of [...this.#kept.keys()]) this.drop(zoneId);
  }

  clear(): void {
    this.#kept.clear();
    this.#keptBytes = 0;
    this.#lingering.clear();
    this.#bytes = 0;
  }

  #trimKept(): void {
    // twice around at most: the first time takes the marks off
    for (let left = 2 * this.#kept.size; left > 0 && this.#keptBytes > this.#bounds.imageBytes; left--) {
      const [zoneId, kept] = this.#kept.entries().next().value!;
      if (kept.isUsed || (!(kept instanceof LoneMessage) && kept.state === 'rendering')) {
        kept.isUsed = false;
        this.#kept.delete(zoneId);
        this.#kept.set(zoneId, kept);
      } else this.drop(zoneId);
    }
  }

  #release(image: Image): void {
    for (const chunk of image.chunks) if (--chunk.holders === 0) this.#bytes -= chunk.bytes;
  }
}

/** A short one's readers have copies of their own, which are not counted. */
function isOf(lone: LoneMessage, image: Image): boolean {
  return lone.shared === undefined ? lone.serial === image.zone?.serial : lone.shared === image;
}
