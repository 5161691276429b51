import { systemClock } from '../clock.ts';
import type { Metrics } from '../http/metrics.ts';
import type { Look, LooksUp, Resolver } from '../resolve/resolver.ts';
import { lookOnHint } from '../sync/due.ts';
import { FirstSerials } from '../sync/first-serials.ts';
import { startRechecks } from '../sync/in-zone.ts';
import { Looker } from '../sync/looker.ts';
import { startMaintenance } from '../sync/maintenance.ts';
import { OwnFirst } from '../sync/own-first.ts';
import { OwnZones } from '../sync/own-zones.ts';
import { Publisher } from '../sync/publisher.ts';
import { changeOfJob, type ResyncProgress } from '../sync/queues.ts';
import { resync } from '../sync/resync.ts';
import { inSpan } from '../trace.ts';
import { guardsOf, policyOf } from './policy.ts';
import { openResolver } from './resolver.ts';
import type { Shared } from './shared.ts';

/** The role `worker`: publishes edits, looks at targets, runs the jobs of the queue, keeps tables bounded. */
export async function startWorker({
  config,
  pool,
  hints,
  queues,
  log,
  metrics,
  tracing,
  onStop,
}: Shared): Promise<void> {
  const clock = systemClock;
  const traced = tracing ? { tracing } : {};
  const resolver = await openResolver(config, clock, log);
  onStop(() => resolver.close());
  const guards = guardsOf(config);
  const zones = new OwnZones(pool, log);
  await zones.start(hints);
  onStop(() => zones.stop());
  const looker = new Looker({
    pool,
    resolver: new OwnFirst(counted(resolver, metrics), zones, pool),
    policy: policyOf(config),
    guards,
    clock,
    log,
    observe: ({ rotated }) => rotated && metrics.rotated(rotated),
    concurrency: looksAtOnce(config),
    ...traced,
  });
  onStop(() => looker.stop());

  const firstSerials = new FirstSerials(pool, hints, () => clock.now());
  const publisher = new Publisher({
    pool,
    hints,
    clock,
    log,
    serialPolicy: config.serialPolicy,
    firstSerials,
    policy: policyOf(config),
    ...traced,
  });
  onStop(() => publisher.stop());
  publisher.start();
  onStop(lookOnHint(pool, looker, hints, clock, log, tracing));
  onStop(startRechecks(pool, guards, clock, log));
  onStop(startMaintenance(pool, config.retention, guards, log, () => clock.now()));

  // first of all: a job that went on beyond its looker and publisher would come to failed looks, or wait for marks in vain
  onStop(() => queues.stopWork());
  queues.work((job, data, signal) =>
    inSpan(tracing, 'resync', { job: job.id, due: data.due, reason: data.reason }, async (span) => {
      const task = {
        id: job.id ?? '',
        data,
        change: span.change ?? changeOfJob(job),
        addedAt: job.timestamp,
        signal,
        progress: (progress: ResyncProgress) => job.updateProgress(progress),
      };
      const result = await resync(task, { pool, looker, clock, ...traced });
      const { served, ...numbers } = result;
      span.set({ ...numbers, converged: served?.converged });
      return result;
    }),
  );
}

/** The resolver, with each outcome counted. */
function counted(resolver: Resolver, metrics: Metrics): LooksUp {
  const count = ({ outcome }: Look) =>
    metrics.resolved(outcome.kind === 'failed' ? outcome.reason : outcome.kind);
  return {
    look: async (target, family, options) => {
      const look = await resolver.look(target, family, options);
      count(look);
      return look;
    },
    confirm: (known, options) =>
      resolver.confirm(
        {
          target: known.target,
          a: known.a,
          aaaa: known.aaaa,
          confirmed: (family, ttl) => {
            metrics.resolved('found');
            known.confirmed(family, ttl);
          },
          unlike: (family, look) => {
            look.then(count, () => {});
            known.unlike(family, look);
          },
        },
        options,
      ),
  };
}

/** Enough to keep every resolver busy, and those behind a slow one as well. */
function looksAtOnce({ resolvers, resolveConcurrency }: Shared['config']): number {
  const count = resolvers === 'system' ? 1 : resolvers.length;
  return Math.min(2_000, Math.max(200, count * resolveConcurrency));
}
