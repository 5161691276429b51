import { LARGEST_PACK, SMALLEST_PACK } from '../store/packs.ts';
import type { Pool } from '../store/pool.ts';
import { type SteadyLook, writeSteady } from '../store/steady.ts';
import type { AliasPolicy } from '../zone/alias/policy.ts';
import { mayGoTogether, spread, spreadTogether } from '../zone/alias/spread.ts';
import { Batches } from './batches.ts';

/** A look that found what is known. */
export interface FoundSteady {
  name: string;
  /** What it had to come to, as it stood in the row when the target was taken. */
  steady: string;
  /** Milliseconds until its answers have run out. */
  delay: number;
}

export interface SteadyRooms {
  pool: Pool;
  policy: AliasPolicy;
  clock: { now(): number };
  /** Numbers from 0 to 1, by which looks are spread. */
  draw: () => number;
}

/** Writes looks that changed nothing, many at once; targets whose answers run out together are looked at together from then on. */
export class SteadyWriter {
  readonly #rooms: SteadyRooms;
  readonly #batches: Batches<FoundSteady, boolean>;

  constructor(rooms: SteadyRooms) {
    this.#rooms = rooms;
    this.#batches = new Batches((looks) => this.#write(looks));
  }

  /** Whether it is written; if not, the target is to be looked at like any other. */
  write(look: FoundSteady): Promise<boolean> {
    return this.#batches.add(look);
  }

  async #write(looks: readonly FoundSteady[]): Promise<boolean[]> {
    // the road that every other look takes has the patience and the words for a database that is away
    const written = await writeSteady(this.#rooms.pool, this.#packed(looks)).catch(() => new Set<string>());
    return looks.map(({ name }) => written.has(name));
  }

  #packed(looks: readonly FoundSteady[]): SteadyLook[] {
    const { policy, clock, draw } = this.#rooms;
    const now = clock.now();
    const inOrder = looks.toSorted((a, b) => a.delay - b.delay);
    const packed: SteadyLook[] = [];
    for (let from = 0, number = 0; from < inOrder.length; number++) {
      const to = endOfPack(inOrder, from);
      const members = inOrder.slice(from, to);
      const delays = { shortest: members[0]!.delay, longest: members.at(-1)!.delay };
      const isPack = members.length >= SMALLEST_PACK;
      const together = isPack ? spreadTogether(delays, now, policy, draw()) : 0;
      for (const { name, steady, delay } of members)
        packed.push(
          isPack
            ? { name, steady, dueIn: together - now, pack: number }
            : { name, steady, dueIn: spread(now + delay, now, policy, draw()) - now },
        );
      from = to;
    }
    return packed;
  }
}

/** Where those end that may go with the one at `from`, in the order of their delays. */
function endOfPack(inOrder: readonly FoundSteady[], from: number): number {
  const shortest = inOrder[from]!.delay;
  let to = from + 1;
  while (
    to < inOrder.length &&
    to - from < LARGEST_PACK &&
    mayGoTogether({ shortest, longest: inOrder[to]!.delay })
  )
    to++;
  return to;
}
