/** How much a thing may grow while it still counts as flat: a share of what it was, and an amount. */
export interface Tolerance {
  share: number;
  amount: number;
}

/** Things that are alike: their unit, and whether and when growth counts. */
export interface Kind {
  unit: string;
  digits: number;
  /** Without one it is shown, and not judged. */
  tolerance?: Tolerance;
}

export const KINDS = {
  memory: { unit: 'MB', digits: 0, tolerance: { share: 0.1, amount: 24 } },
  handles: { unit: '', digits: 0, tolerance: { share: 0.1, amount: 8 } },
  size: { unit: 'MB', digits: 1, tolerance: { share: 0.15, amount: 8 } },
  rows: { unit: 'rows', digits: 0, tolerance: { share: 0.15, amount: 2_000 } },
  queue: { unit: 'jobs', digits: 0, tolerance: { share: 0.2, amount: 50 } },
  waiting: { unit: 'rows', digits: 0, tolerance: { share: 0.5, amount: 5_000 } },
  time: { unit: 'ms', digits: 0, tolerance: { share: 0.5, amount: 500 } },
  rate: { unit: '/s', digits: 1 },
  cpu: { unit: '% of a core', digits: 0 },
  shown: { unit: 'MB', digits: 0 },
  dead: { unit: 'rows', digits: 0 },
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof KINDS;

/** One look at everything. */
export interface Sample {
  /** Seconds since the load began. */
  at: number;
  values: Map<string, { kind: KindName; value: number }>;
}

/** What became of one thing from the end of the warm-up to the end. */
export interface Course {
  name: string;
  kind: Kind;
  /** Medians of the first and the last third, and what lies between. */
  first: number;
  middle: number;
  last: number;
  /** Growth from the first third to the last, for an hour. */
  anHour: number;
  grew: boolean;
}

/** Samples that it takes to judge. */
export const FEWEST = 6;

/**
 * Judges the samples after the warm-up: a thing grew where the median of the last third is more than its tolerance above that of the first.
 * Throws where there are too few to tell.
 */
export function judge(samples: readonly Sample[]): Course[] {
  if (samples.length < FEWEST) throw new RangeError(`${samples.length} samples are too few to judge`);
  const third = Math.floor(samples.length / 3);
  const thirds = [samples.slice(0, third), samples.slice(third, -third), samples.slice(-third)];
  const names = new Map<string, KindName>();
  for (const { values } of samples) for (const [name, { kind }] of values) names.set(name, kind);
  const [from = 0, to = 0] = [thirds[0], thirds[2]].map((part = []) => median(part.map(({ at }) => at)));
  return [...names].map(([name, kindName]) => {
    const kind: Kind = KINDS[kindName];
    const [first = 0, middle = 0, last = 0] = thirds.map((part) =>
      median(part.flatMap(({ values }) => values.get(name)?.value ?? [])),
    );
    const { share, amount } = kind.tolerance ?? { share: Number.POSITIVE_INFINITY, amount: 0 };
    return {
      name,
      kind,
      first,
      middle,
      last,
      anHour: ((last - first) / (to - from)) * 3_600,
      grew: kind.tolerance !== undefined && last - first > first * share + amount,
    };
  });
}

/** As lines of a table. */
export function courseTable(courses: readonly Course[]): string[] {
  return [
    '| | unit | first third | middle | last third | an hour | |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...courses.map(({ name, kind, first, middle, last, anHour, grew }) => {
      const verdict = kind.tolerance === undefined ? '' : grew ? '**grew**' : 'flat';
      const [a, b, c, d] = [first, middle, last, anHour].map((value) =>
        Number.isFinite(value)
          ? value.toLocaleString('en', { maximumFractionDigits: kind.digits })
          : 'unknown',
      );
      return `| ${name} | ${kind.unit} | ${a} | ${b} | ${c} | ${anHour > 0 ? '+' : ''}${d} | ${verdict} |`;
    }),
  ];
}

/** The value below which that share of them lies; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
