import type { FastifyInstance } from 'fastify';
import { jobRecord } from '../../sync/job-record.ts';
import type { ResyncData, ResyncJob } from '../../sync/queues.ts';
import { HttpError, notFound } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import { answer, anything, errors, idParams, newPlan, newResync, pageOf, paging } from '../schemas.ts';
import { success, zoneIds } from './common.ts';

const STATES = ['waiting', 'active', 'completed', 'failed', 'delayed'] as const;
type State = (typeof STATES)[number];
/** Zones of a plan that are listed with their records; the totals are of all. */
const ZONES_LISTED = 1_000;
const DELETED = {
  removed: 'was cancelled before it began, and removed',
  stopped: 'was cancelled; what it had found until then stays and is published',
  noted: 'will be cancelled by its worker, or by the next one that takes it up',
  finished: 'was removed',
  unknown: 'was removed',
};
interface Path {
  Params: { id: string };
}

/** `/v1/jobs`, and the same as `/v1/resyncs`, where they are made: every job of the queue is a resync. */
export function jobRoutes(app: FastifyInstance, { pool, queues, plan }: Rooms): void {
  for (const path of ['/jobs', '/resyncs']) {
    const tags = [path.slice(1)];
    app.get<{ Querystring: { limit: number; state?: State } }>(
      path,
      {
        schema: {
          tags,
          summary: 'List jobs, the newest first',
          querystring: {
            type: 'object',
            properties: {
              limit: { ...paging.limit, default: 20, description: 'Jobs of each state at most.' },
              state: { type: 'string', enum: STATES },
            },
          },
          response: { 200: pageOf('Jobs', anything), ...errors },
        },
      },
      async ({ query }) => {
        const states = query.state ? [query.state] : STATES;
        const found = await Promise.all(
          states.map(async (state) => {
            const page = await queues.queue.getJobs([state], 0, query.limit - 1);
            return page.flatMap((job) => (job?.id === undefined ? [] : jobRecord(job, state)));
          }),
        );
        const jobs = found.flat().sort((a, b) => b.addedAt.localeCompare(a.addedAt));
        return { ...success(jobs), next: null };
      },
    );

    app.get<Path>(
      `${path}/:id`,
      {
        schema: {
          tags,
          summary: 'Show a job',
          params: idParams,
          response: { 200: answer('The job', anything), ...errors },
        },
      },
      async ({ params }) => {
        const job = await find(params.id);
        return success(jobRecord(job, await job.getState()));
      },
    );

    app.delete<Path>(
      `${path}/:id`,
      {
        schema: {
          tags,
          summary: 'Cancel a job that waits or is under way; remove a finished one',
          params: idParams,
          response: {
            200: answer('The job as it was left', anything),
            202: answer('The job, whose worker has not stopped yet', anything),
            ...errors,
          },
        },
      },
      async ({ params: { id } }, reply) => {
        const job = await find(id);
        const state = await job.getState();
        const became = await queues.cancel(id, 'through the API');
        if (became === 'finished') await queues.queue.remove(id);
        if (became === 'noted') reply.status(202);
        const left = became === 'stopped' || became === 'noted' ? await find(id) : job;
        return success({
          message: `job ${id} ${DELETED[became]}`,
          cancelled: became !== 'finished' && became !== 'unknown',
          job: jobRecord(left, became === 'stopped' ? 'failed' : state),
        });
      },
    );
  }

  app.post<Path>(
    '/jobs/:id/retry',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Run a finished job again',
        params: idParams,
        response: { 202: answer('The job', anything), ...errors },
      },
    },
    async ({ params }, reply) => {
      const job = await find(params.id);
      const state = await job.getState();
      if (state !== 'failed' && state !== 'completed')
        throw new HttpError(409, `job ${params.id} is ${state}: only a finished one can run again`);
      await queues.retry(job, state);
      reply.status(202);
      return success({
        message: `job ${params.id} waits for a worker`,
        job: jobRecord(await find(params.id), 'waiting'),
      });
    },
  );

  app.post<{ Body: (ResyncData & { dryRun?: boolean }) | null }>(
    '/resyncs',
    {
      schema: {
        tags: ['resyncs'],
        summary: 'Look at ALIAS targets now and publish what changed: of the zones named, or of all',
        body: newResync,
        response: {
          200: answer('The plan, with dryRun', anything),
          202: answer('The job', anything),
          ...errors,
        },
      },
    },
    async ({ body }, reply) => {
      const { dryRun, ...data } = body ?? {};
      if (dryRun) return success(await planFor(data));
      await zoneIds(pool, data.zones);
      if (data.within !== undefined && !data.converged)
        throw new HttpError(422, 'within: it says how long "converged": true waits, which is not there');
      const job = await queues.add({ ...data, reason: data.reason ?? 'api' });
      reply.status(202).header('location', `/v1/jobs/${job.id}`);
      return success({ message: `job ${job.id} was added`, job: jobRecord(job, 'waiting') });
    },
  );

  app.post<{ Body: { zones?: string[]; force?: boolean } | null }>(
    '/resyncs/plan',
    {
      schema: {
        tags: ['resyncs'],
        summary: 'Say what a resync would change now; nothing is written',
        body: newPlan,
        response: { 200: answer('The plan', anything), ...errors },
      },
    },
    async ({ body }) => success(await planFor(body)),
  );

  async function planFor(body: { zones?: string[]; force?: boolean } | null): Promise<object> {
    return plan({
      zoneIds: await zoneIds(pool, body?.zones),
      force: body?.force ?? false,
      listed: ZONES_LISTED,
    });
  }

  async function find(id: string): Promise<ResyncJob> {
    const job = await queues.find(id);
    if (!job) throw notFound(`job ${id}`);
    return job;
  }
}
