/** Where changes wait in line: a free server takes those that are there, up to `batch`, and needs `fixedMs` and `eachMs` for each of them. */
export interface Station {
  readonly name: string;
  readonly servers: number;
  readonly batch: number;
  readonly fixedMs: number;
  readonly eachMs: number;
}

/**
 * When each change leaves the last station, in the order of `arrivals`.
 *
 * @param arrivals milliseconds, ascending
 */
export function simulate(stations: readonly Station[], arrivals: readonly number[]): number[] {
  let changes = arrivals.map((at, index) => ({ at, index }));
  for (const station of stations) {
    changes.sort((a, b) => a.at - b.at);
    changes = pass(station, changes);
  }
  const left = new Array<number>(arrivals.length);
  for (const { at, index } of changes) left[index] = at;
  return left;
}

function pass(
  station: Station,
  changes: readonly { at: number; index: number }[],
): { at: number; index: number }[] {
  const freeAt = new Array<number>(station.servers).fill(0);
  const done: { at: number; index: number }[] = [];
  while (done.length < changes.length) {
    const first = changes[done.length]!;
    const server = freeAt.indexOf(Math.min(...freeAt));
    const begins = Math.max(first.at, freeAt[server]!);
    let taken = 1;
    while (taken < station.batch && (changes[done.length + taken]?.at ?? Number.POSITIVE_INFINITY) <= begins)
      taken++;
    const ends = begins + station.fixedMs + taken * station.eachMs;
    freeAt[server] = ends;
    for (const { index } of changes.slice(done.length, done.length + taken)) done.push({ at: ends, index });
  }
  return done;
}

/** Changes a second that a station gets through for good. */
export function capacityOf({ servers, batch, fixedMs, eachMs }: Station): number {
  return (servers * batch * 1_000) / (fixedMs + batch * eachMs);
}

/**
 * Times by chance, as of many who know nothing of each other: `count` of them, `perSecond` on average.
 *
 * @param random from 0 to 1
 */
export function arrivalsOf(perSecond: number, count: number, random: () => number): number[] {
  let at = 0;
  return Array.from({ length: count }, () => {
    at -= (Math.log(1 - random()) * 1_000) / perSecond;
    return at;
  });
}

/** The same numbers in each run. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The least value that `share` of all are not above. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? Number.NaN;
}
