import type { Coefficients } from './coefficients.ts';
import { demand, type Installation, type Load, utilisation, versionsPerSecond } from './demand.ts';
import { arrivalsOf, capacityOf, quantile, randomFrom, type Station, simulate } from './simulate.ts';

/** Milliseconds that each step takes for a single change on an idle machine, most of them answers of the database in a row. */
const ALONE = { publish: 15, confirm: 4, claim: 4, answer: 6 };
const LANES = 3; // batches at once of one worker (src/sync/publisher.ts)
const BATCH = 500; // zones of one, and rows of the outbox taken at once
const WINDOW = 64; // NOTIFYs to one secondary at once (src/notify/peer.ts)

/** The lines that a change waits in on its way to one secondary. A database that is busy answers later, as all share its cores. */
export function linesOf(load: Load, has: Installation, cost: Coefficients): Station[] {
  const database = demand(load, has, cost).find(({ name }) => name === 'PostgreSQL: CPU');
  const busy = database === undefined ? 0 : Math.min(0.99, utilisation(database));
  const slowed = (ms: number) => ms / (1 - busy);
  const ms = ({ process, database }: { process: number; database: number }) =>
    process / 1e3 + slowed(database / 1e3);
  return [
    {
      name: 'the worker',
      servers: has.workers * LANES,
      batch: BATCH,
      fixedMs: slowed(ALONE.publish),
      // the lanes of a worker share its one thread
      eachMs: (LANES * cost.publish.process) / 1e3 + slowed(cost.publish.database / 1e3),
    },
    { name: 'the leases', servers: 1, batch: 20_000, fixedMs: slowed(ALONE.confirm), eachMs: 0 },
    {
      name: 'the outbox',
      servers: has.transfers,
      batch: BATCH,
      fixedMs: slowed(ALONE.claim),
      eachMs: load.secondaries * ms(cost.tell),
    },
    { name: "NOTIFY's rate", servers: 1, batch: 1, fixedMs: 0, eachMs: 1_000 / has.notifyRate },
    {
      name: "the secondary's SOA questions",
      servers: 1,
      batch: 1,
      fixedMs: 0,
      eachMs: 1_000 / Math.max(1e-9, has.serialQueries - load.zones / load.refresh),
    },
    {
      name: 'the transfer',
      servers: Math.min(WINDOW, has.transfers),
      batch: 1,
      fixedMs: 0,
      eachMs: ALONE.answer + ms(cost.ixfr),
    },
  ];
}

export type Visible =
  | { readonly kind: 'falls-behind'; readonly because: string }
  | { readonly kind: 'visible'; readonly p50: number; readonly p99: number; readonly slowest: string };

const CHANGES = 20_000;

/** How long changes that come by chance take from their commit to the answer of one secondary; milliseconds. */
export function visible(load: Load, has: Installation, cost: Coefficients): Visible {
  const lines = linesOf(load, has, cost);
  const perSecond = versionsPerSecond(load);
  const full = demand(load, has, cost).find((resource) => utilisation(resource) >= 1);
  if (full !== undefined) return { kind: 'falls-behind', because: full.name };
  const short = lines.find((line) => capacityOf(line) <= perSecond);
  if (short !== undefined) return { kind: 'falls-behind', because: short.name };
  const arrivals = arrivalsOf(perSecond, CHANGES, randomFrom(1));
  let at = arrivals;
  let slowest = { name: '', ms: Number.NEGATIVE_INFINITY };
  for (const line of lines) {
    const left = simulate([line], at);
    const ms = quantile(
      left.map((end, index) => end - (at[index] ?? 0)),
      0.99,
    );
    if (ms > slowest.ms) slowest = { name: line.name, ms };
    at = left;
  }
  const times = at.map((end, index) => end - (arrivals[index] ?? 0));
  return { kind: 'visible', p50: quantile(times, 0.5), p99: quantile(times, 0.99), slowest: slowest.name };
}
