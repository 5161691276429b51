import { soaSerial } from '../../dns/rdata/index.ts';
import { type PublishedZone, unpackRecords } from '../../zone/version.ts';
import { Chunk, type RenderedMessage, unpackMessage } from '../chunk.ts';
import { Image } from '../image.ts';
import { Renderer } from '../rendering.ts';

/**
 * A version that is one message, at rest. There may be one for each of very many zones, so a short one is in as few octets as can be:
 * a string takes a fraction of a Buffer's memory, and is written to a reply as fast.
 */
export class LoneMessage {
  readonly serial: number;
  /** Octets of its records without any compression, SOA left out. */
  readonly contentBytes: number;
  /** Records. */
  readonly answers: number;
  /** What stands behind the question; a string has an octet in each character. */
  readonly body: Buffer | string;
  /** Whether it is what is kept of its zone. */
  isKept = true;
  /** Whether anybody used it since that was last looked at. */
  isUsed = false;
  /** Of a longer one, whose octets are shared by all who read them. */
  readonly shared: Image | undefined;

  /** @param image complete, with one message, which is `message` */
  constructor(image: Image, serial: number, message: RenderedMessage) {
    this.serial = serial;
    this.contentBytes = image.contentBytes;
    this.answers = message.answers;
    this.shared = message.body.length <= SHORT_BYTES ? undefined : image;
    this.body = this.shared === undefined ? message.body.toString('latin1') : message.body;
  }

  get bytes(): number {
    return this.body.length;
  }

  /** To be read, or patched. `zone` is any version of the zone. */
  image(zone: PublishedZone): Image {
    if (this.shared !== undefined) return this.shared;
    const message = { body: Buffer.from(this.body as string, 'latin1'), answers: this.answers };
    const own = zone.serial === this.serial ? zone : versionOf(message, zone);
    const image = new Image(own.serial);
    image.isOpen(own);
    image.append(new Chunk('', [message], this.contentBytes));
    image.complete();
    return image;
  }
}

/** A copy for each reader of this much is less than the reader's connection takes. */
const SHORT_BYTES = 4_096;

/** Whose message this is: it begins with the SOA. */
function versionOf({ body }: RenderedMessage, zone: PublishedZone): PublishedZone {
  const [soa] = unpackRecords(unpackMessage({ body, answers: 1 }, Renderer.roomFor(zone.nameWire)));
  if (soa === undefined) throw new Error('a rendered version does not begin with its SOA');
  const { rdata, ttl } = soa;
  return {
    ...zone,
    serial: soaSerial(rdata),
    soa: rdata,
    soaTtl: ttl,
    expire: rdata.readUInt32BE(rdata.length - 8),
  };
}
