import { setImmediate as nextTurn } from 'node:timers/promises';
import { HEADER_LENGTH } from '../dns/message.ts';
import { nameKey } from '../dns/name.ts';
import { type JournalStep, type PublishedZone, packedNameEnd, packedRecordEnd } from '../zone/version.ts';
import { type Chunk, unpackMessage } from './chunk.ts';
import { SMALL_CHUNK_BYTES } from './limits.ts';
import { ChunkPacker, closingSoa, recordsOf, VersionPacker } from './packer.ts';

/**
 * The next version of a zone, made from the last one and what changed since: the chunks that the change touches are
 * taken apart and rendered again, all others are the very same. The steps must lead from the one to the other.
 *
 * @param base all chunks of the last version
 * @param zone what the result is to be
 * @returns undefined where the change does not fit the base, or touches so much that all is better rendered anew
 */
export async function patchChunks(
  base: readonly Chunk[],
  zone: PublishedZone,
  steps: readonly JournalStep[],
): Promise<Chunk[] | undefined> {
  const body = base.length === 1 ? base : base.slice(0, -1);
  const touched = changesByChunk(body, steps);
  if (touched.size > FEW_CHUNKS && touched.size > body.length / 3) return undefined;
  const rendered: Chunk[][] = [];
  for (const [index, changes] of touched) {
    const records = new Records(recordsOfChunk(body, index, zone));
    if (!changes.every((change) => records.apply(change))) return undefined;
    rendered[index] = renderEvenly(records.packed(), index === 0 ? zone : undefined);
    if (index % CHUNKS_A_TURN === 0) await nextTurn();
  }
  const next = joinSmallOnes(
    body.flatMap((chunk, index) => rendered[index] ?? [chunk]),
    zone,
  );
  return next.length === 1 ? wholeVersion(zone, recordsOfChunk(next, 0, zone)) : [...next, closingSoa(zone)];
}

const FEW_CHUNKS = 64;
const CHUNKS_A_TURN = 8;

interface Change {
  readonly isAdded: boolean;
  readonly record: Buffer;
  readonly owner: string;
}

/** The records of one part of a zone, each by its octets. */
class Records {
  readonly #records = new Map<string, { owner: string; type: number; packed: Buffer }>();

  constructor(packed: Buffer) {
    let owner = '';
    let name: Buffer | undefined;
    for (let at = 0; at < packed.length; ) {
      const end = packedRecordEnd(packed, at);
      const nameEnd = packedNameEnd(packed, at);
      if (name?.equals(packed.subarray(at, nameEnd)) !== true) {
        name = packed.subarray(at, nameEnd);
        owner = nameKey(name);
      }
      this.#add(owner, packed.subarray(at, end));
      at = end;
    }
  }

  /** False where what is to go isn't there, or what is to come is there already: the history is of something else. */
  apply({ isAdded, record, owner }: Change): boolean {
    const key = record.toString('latin1');
    if (!isAdded) return this.#records.delete(key);
    if (this.#records.has(key)) return false;
    this.#add(owner, record);
    return true;
  }

  /** In the order of owners, RRsets together. */
  packed(): Buffer {
    const all = [...this.#records.values()];
    all.sort((a, b) => (a.owner < b.owner ? -1 : a.owner > b.owner ? 1 : a.type - b.type));
    return Buffer.concat(all.map((record) => record.packed));
  }

  #add(owner: string, packed: Buffer): void {
    const type = packed.readUInt16BE(packedNameEnd(packed, 0));
    this.#records.set(packed.toString('latin1'), { owner, type, packed });
  }
}

/**
 * In the order of the history; within a step what goes comes first (RFC 1995, 4). The first chunk is always touched: it
 * begins with the SOA.
 */
function changesByChunk(body: readonly Chunk[], steps: readonly JournalStep[]): Map<number, Change[]> {
  const touched = new Map<number, Change[]>([[0, []]]);
  for (const step of steps) {
    for (const change of changesOf(step)) {
      const index = chunkOf(body, change.owner);
      const changes = touched.get(index);
      if (changes === undefined) touched.set(index, [change]);
      else changes.push(change);
    }
  }
  return touched;
}

function changesOf(step: JournalStep): Change[] {
  return [...changesIn(step.deleted, false), ...changesIn(step.added, true)];
}

function* changesIn(packed: Buffer, isAdded: boolean): Generator<Change> {
  for (let at = 0; at < packed.length; ) {
    const end = packedRecordEnd(packed, at);
    const owner = nameKey(packed.subarray(at, packedNameEnd(packed, at)));
    yield { isAdded, record: packed.subarray(at, end), owner };
    at = end;
  }
}

/** The last chunk that does not begin behind this owner. */
function chunkOf(body: readonly Chunk[], owner: string): number {
  let low = 0;
  let high = body.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (body[middle]!.firstOwner <= owner) low = middle;
    else high = middle - 1;
  }
  return low;
}

function recordsOfChunk(body: readonly Chunk[], index: number, zone: PublishedZone): Buffer {
  const { messages } = body[index]!;
  if (index === 0) return recordsOf(messages[0]!, zone);
  return Buffer.concat(messages.map((message) => unpackMessage(message, HEADER_LENGTH)));
}

/** A chunk that became too large is shared out evenly, so that the next change of it doesn't split it again. */
function renderEvenly(packed: Buffer, opening: PublishedZone | undefined): Chunk[] {
  const chunks = render(packed, opening);
  if (chunks.length < 2 || chunks.at(-1)!.bytes >= SMALL_CHUNK_BYTES) return chunks;
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
  return render(packed, opening, Math.ceil(bytes / chunks.length));
}

function render(packed: Buffer, opening: PublishedZone | undefined, fill?: number): Chunk[] {
  const chunks: Chunk[] = [];
  const packer = new ChunkPacker((chunk) => chunks.push(chunk), {
    ...(opening === undefined ? {} : { opening }),
    ...(fill === undefined ? {} : { fill }),
  });
  packer.add(packed);
  packer.end();
  return chunks;
}

function joinSmallOnes(body: readonly Chunk[], zone: PublishedZone): Chunk[] {
  const joined: Chunk[] = [];
  body.forEach((chunk, index) => {
    const before = joined.at(-1);
    if (before === undefined || !isWorthJoining(before, chunk)) {
      joined.push(chunk);
      return;
    }
    const at = joined.length - 1;
    const records = [recordsOfChunk(joined, at, zone), recordsOfChunk(body, index, zone)];
    joined.splice(at, 1, ...render(Buffer.concat(records), at === 0 ? zone : undefined));
  });
  return joined;
}

/** With room to grow left, so that a chunk is not joined and split by turns. */
function isWorthJoining(one: Chunk, other: Chunk): boolean {
  return (
    Math.min(one.bytes, other.bytes) < SMALL_CHUNK_BYTES && one.bytes + other.bytes < 3 * SMALL_CHUNK_BYTES
  );
}

function wholeVersion(zone: PublishedZone, packed: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  const packer = new VersionPacker(zone, (chunk) => chunks.push(chunk));
  packer.add(packed);
  packer.end();
  return chunks;
}
