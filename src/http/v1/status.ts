import type { FastifyInstance } from 'fastify';
import { messageOf } from '../../errors.ts';
import { readOverview } from '../../store/overview.ts';
import { countNotifications, notifyAgain } from '../../store/status/notifications.ts';
import type { Rooms } from '../rooms.ts';
import { answer, anything, errors, newNotifications, paging } from '../schemas.ts';
import { standingInJson, success, zoneIds } from './common.ts';

/** `/v1/status`: everything on one screen. `/v1/notifications`: NOTIFY again. */
export function statusRoutes(app: FastifyInstance, { pool, queues, clock }: Rooms): void {
  app.get<{ Querystring: { limit: number } }>(
    '/status',
    {
      schema: {
        tags: ['status'],
        summary: 'Zones, aliases, secondaries, processes and the queue; what is in trouble first',
        querystring: {
          type: 'object',
          properties: { limit: { ...paging.limit, default: 15, description: 'Rows of each table at most.' } },
        },
        response: { 200: answer('The state', anything), ...errors },
      },
    },
    async ({ query }) => {
      const { limit } = query;
      const now = clock.now();
      const [overview, queue] = await Promise.all([readOverview(pool, limit, now), readQueue()]);
      const { zones, aliases, damping, secondaries, standing, refusals, problems, ahead, guards, processes } =
        overview;
      return success({
        zones: zones.rows,
        aliases: aliases.rows,
        damping,
        secondaries,
        convergence: standing.rows.map((row) => standingInJson(row, now)),
        refusals: refusals.rows,
        problems: problems.rows,
        ahead: ahead.rows,
        guards,
        queue,
        processes,
        totals: {
          zones: zones.total,
          aliases: aliases.total,
          secondaries: secondaries.length,
          problems: problems.total,
          notConverged: standing.total,
          refusals: refusals.total,
          ahead: ahead.total,
        },
      });
    },
  );

  app.post<{ Body: { zones?: string[]; dryRun?: boolean } | null }>(
    '/notifications',
    {
      schema: {
        tags: ['notifications'],
        summary: 'Send NOTIFY again, without a change, whether it was answered or not',
        body: newNotifications,
        response: {
          200: answer('What would be sent', anything),
          202: answer('What is sent', anything),
          ...errors,
        },
      },
    },
    async ({ body }, reply) => {
      const ids = await zoneIds(pool, body?.zones);
      if (body?.dryRun) {
        const planned = await countNotifications(pool, ids);
        return success({ message: `${planned.notifications} NOTIFY would be sent`, ...planned });
      }
      const again = await notifyAgain(pool, ids);
      reply.status(202);
      return success({
        message: `${again.notifications} NOTIFY to send again`,
        notifications: again.notifications,
        zones: again.zones.length,
      });
    },
  );

  async function readQueue(): Promise<object> {
    try {
      return { kind: queues.kind, counts: await queues.queue.getJobCounts(...STATES) };
    } catch (error) {
      return { kind: queues.kind, error: messageOf(error) };
    }
  }
}

const STATES = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;
