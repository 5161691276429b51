import { type Gauge, Gauge as PromGauge, type Registry } from 'prom-client';
import { messageOf } from '../errors.ts';
import { countHeld } from '../store/guards/status.ts';
import { countStates } from '../store/ledger/states.ts';
import { readVisibleTotals } from '../store/ledger/visible.ts';
import { readMeasures, readZoneMeasures } from '../store/measures.ts';
import { countBehind } from '../store/processes.ts';
import { listSecondaries } from '../store/secondaries.ts';
import { changeToVisible } from './change-to-visible.ts';
import type { Metrics } from './metrics.ts';
import type { Rooms } from './rooms.ts';

/** Whether each zone has series of its own; `auto`: while there are at most 1,000. */
export type PerZone = 'auto' | 'on' | 'off';

const MOST_ZONES_UNASKED = 1_000;
const JOB_STATES = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;

/**
 * Makes the function that gives all metrics as Prometheus reads them. What stands in the database is the same from every process
 * that is asked; scrapes at once share one reading. A database or queue that is away leaves its series out, and says so in `_up`.
 */
export function scraper(
  metrics: Metrics,
  perZone: PerZone,
  { pool, queues, clock, log }: Rooms,
): () => Promise<string> {
  const gauges = makeGauges(metrics.registry);
  let histogram = '';
  let running: Promise<string> | undefined;

  async function readDatabase(): Promise<void> {
    const [{ zones, targets, staleSince, secondaries }, held, visible, counts, registered, behind] =
      await Promise.all([
        readMeasures(pool),
        countHeld(pool),
        readVisibleTotals(pool),
        countStates(pool),
        listSecondaries(pool),
        countBehind(pool),
      ]);
    gauges.behind.set(behind);
    histogram = changeToVisible(visible);
    for (const { id, name } of registered)
      for (const [state, value] of Object.entries(counts.get(id) ?? {}))
        gauges.secondaryZones.set({ secondary: name, state: state.replace(' ', '_') }, value);
    const count = zones.published + zones.unpublished + zones.problem;
    for (const [state, value] of Object.entries(zones)) gauges.zones.set({ state }, value);
    for (const [state, value] of Object.entries(targets)) gauges.targets.set({ state }, value);
    for (const [guard, aliases] of Object.entries(held)) gauges.held.set({ guard }, aliases);
    const now = clock.now();
    gauges.stale.set(staleSince === undefined ? 0 : Math.max(0, (now - staleSince) / 1000));
    for (const { secondary, acked, pending, oldestPending } of secondaries) {
      gauges.notifications.set({ secondary, state: 'acked' }, acked);
      gauges.notifications.set({ secondary, state: 'pending' }, pending);
      gauges.pendingFor.set(
        { secondary },
        oldestPending ? Math.max(0, (now - oldestPending.getTime()) / 1000) : 0,
      );
    }
    if (perZone === 'off' || (perZone === 'auto' && count > MOST_ZONES_UNASKED)) return;
    const each = await readZoneMeasures(pool);
    for (const { zone, serial } of each.zones) gauges.zoneSerial.set({ zone }, serial);
    for (const { secondary, zone, shown, acked } of each.secondaries) {
      if (shown !== null) gauges.secondarySerial.set({ secondary, zone }, shown);
      gauges.secondaryAcked.set({ secondary, zone }, acked ? 1 : 0);
    }
  }

  async function readQueue(): Promise<void> {
    const counts = await queues.queue.getJobCounts(...JOB_STATES);
    for (const state of JOB_STATES) gauges.jobs.set({ state }, counts[state] ?? 0);
  }

  async function scrape(): Promise<string> {
    for (const gauge of Object.values(gauges)) gauge.reset();
    histogram = '';
    const up = async (which: 'database' | 'queue', read: () => Promise<void>) => {
      try {
        await read();
        gauges.up.set({ which }, 1);
      } catch (error) {
        gauges.up.set({ which }, 0);
        log.debug({ error: messageOf(error) }, `the ${which} could not be read for metrics`);
      }
    };
    await Promise.all([up('database', readDatabase), up('queue', readQueue)]);
    const text = await metrics.text();
    return histogram === '' ? text : `${text}\n${histogram}`;
  }

  return () => {
    running ??= scrape().finally(() => {
      running = undefined;
    });
    return running;
  };
}

function makeGauges(registry: Registry) {
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]): Gauge<L> =>
    new PromGauge({ name: `zoneferry_${name}`, help, labelNames, registers: [registry] });
  return {
    up: gauge('up', 'Whether the database and the queue could be read for this scrape.', 'which'),
    zones: gauge(
      'zones',
      'Zones: published, not published yet, or in the way of which stands a problem.',
      'state',
    ),
    zoneSerial: gauge('zone_serial', 'The published serial of a zone.', 'zone'),
    secondarySerial: gauge(
      'secondary_serial',
      'The serial of a zone that a secondary was last seen to serve, the oldest of its addresses.',
      'secondary',
      'zone',
    ),
    secondaryZones: gauge(
      'secondary_zones',
      'Zones of a secondary by how they stand there: converged, converging, lagging, refusing, silent, ahead, different, not_checked.',
      'secondary',
      'state',
    ),
    secondaryAcked: gauge(
      'secondary_acked',
      'Whether a secondary has answered the NOTIFY of the newest serial of a zone at all its addresses.',
      'secondary',
      'zone',
    ),
    notifications: gauge(
      'secondary_notifications',
      'Zones and addresses of a secondary, by whether the newest serial is answered.',
      'secondary',
      'state',
    ),
    pendingFor: gauge(
      'secondary_pending_seconds',
      'How long the longest waiting change has not been answered by a secondary.',
      'secondary',
    ),
    targets: gauge('alias_targets', 'Targets of ALIAS records, by how the last look ended.', 'state'),
    stale: gauge(
      'alias_stale_seconds',
      'How long the addresses of a failing ALIAS target are past their TTL: of the worst one.',
    ),
    held: gauge('guard_held_aliases', 'ALIAS records that a guard keeps from changing.', 'guard'),
    jobs: gauge('jobs', 'Jobs of the queue.', 'state'),
    behind: gauge(
      'processes_behind',
      'Processes at work that are of an older version than the one that migrated the database last.',
    ),
  };
}
