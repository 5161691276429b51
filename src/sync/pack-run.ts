import { type PackLook, SMALLEST_PACK, type TakenPack } from '../store/packs.ts';
import type { AliasPolicy } from '../zone/alias/policy.ts';
import type { Seen } from '../zone/alias/seen.ts';
import { mayGoTogether, spreadTogether } from '../zone/alias/spread.ts';
import type { LookedFor, SteadyTarget } from './confirming.ts';
import type { LookResult } from './look-result.ts';
import type { FoundSteady } from './steady-writer.ts';

export interface PackRooms {
  policy: AliasPolicy;
  clock: { now(): number };
  draw: () => number;
  /** Decides on what was seen, and writes it. */
  decide(target: SteadyTarget, a: Promise<Seen>, aaaa: Promise<Seen>): Promise<LookResult>;
  writePack(look: PackLook): Promise<unknown>;
  /** Writes a look by itself: the target leaves its pack. */
  writeAlone(look: FoundSteady): Promise<unknown>;
  /** Told of a pack of which not all could be written. */
  giveBack(pack: TakenPack): void;
}

/** One look at all targets of a pack. What was decided on has left it, and so does what has to be looked at much sooner than the others. */
export class PackRun implements LookedFor {
  readonly done: Promise<void>;
  readonly #pack: TakenPack;
  readonly #rooms: PackRooms;
  readonly #onResult: (result: LookResult | undefined) => void;
  readonly #steady: FoundSteady[] = [];
  #left: number;
  /** False where something came of a look that could not be written. */
  #isWhole = true;
  #end = () => {};

  constructor(pack: TakenPack, rooms: PackRooms, onResult: (result: LookResult | undefined) => void) {
    this.#pack = pack;
    this.#rooms = rooms;
    this.#onResult = onResult;
    this.#left = pack.targets.length;
    this.done = new Promise((resolve) => (this.#end = resolve));
    if (this.#left === 0) this.#end();
  }

  steady({ name, steady }: SteadyTarget, delay: number): void {
    this.#steady.push({ name, steady, delay });
    this.#onResult({ name, outcome: 'resolved', changed: false });
    this.#oneLess();
  }

  other(target: SteadyTarget, a: Promise<Seen>, aaaa: Promise<Seen>): void {
    this.decided(this.#rooms.decide(target, a, aaaa));
  }

  stopped(): void {
    this.decided(Promise.reject(new Error('the service stops')));
  }

  /** A target was looked at without any expectation. */
  decided(result: Promise<LookResult>): void {
    result
      .then(this.#onResult, () => {
        this.#isWhole = false;
        this.#onResult(undefined);
      })
      .finally(() => this.#oneLess());
  }

  #oneLess(): void {
    if (--this.#left > 0) return;
    this.#write()
      .catch(() => {
        this.#isWhole = false;
      })
      .finally(() => {
        if (!this.#isWhole) this.#rooms.giveBack(this.#pack);
        this.#end();
      });
  }

  async #write(): Promise<void> {
    if (!this.#isWhole || this.#steady.length === 0) return;
    const { writeAlone, writePack, policy, clock, draw } = this.#rooms;
    const { staying, leaving } = split(this.#steady);
    await Promise.all(leaving.map((look) => writeAlone(look)));
    if (staying.length === 0) return;
    const delays = { shortest: staying[0]!.delay, longest: staying.at(-1)!.delay };
    const { id, looks } = this.#pack;
    const now = clock.now();
    await writePack({ id, looks, dueIn: spreadTogether(delays, now, policy, draw()) - now });
  }
}

/** The most that may go on together, in the order of their delays, and the others; too few are no pack any more. */
function split(looks: readonly FoundSteady[]): { staying: FoundSteady[]; leaving: FoundSteady[] } {
  const inOrder = looks.toSorted((a, b) => a.delay - b.delay);
  let best = { from: 0, to: 0 };
  for (let from = 0, to = 0; to < inOrder.length; to++) {
    while (!mayGoTogether({ shortest: inOrder[from]!.delay, longest: inOrder[to]!.delay })) from++;
    if (to + 1 - from > best.to - best.from) best = { from, to: to + 1 };
  }
  const staying = inOrder.slice(best.from, best.to);
  if (staying.length < SMALLEST_PACK) return { staying: [], leaving: inOrder };
  return { staying, leaving: [...inOrder.slice(0, best.from), ...inOrder.slice(best.to)] };
}
