import type { FastifyInstance } from 'fastify';
import { readHistory, readStanding } from '../../store/ledger/states.ts';
import { readVisible } from '../../store/ledger/visible.ts';
import { readRefusals } from '../../store/refusals.ts';
import type { Rooms } from '../rooms.ts';
import { answer, anything, errors, pageOf, paging, standingState, zoneParams } from '../schemas.ts';
import { standingInJson, success, zoneOf } from './common.ts';

/** Which secondaries serve what is published: of a zone, over time, and who was refused. */
export function convergenceRoutes(app: FastifyInstance, { pool, clock }: Rooms): void {
  app.get<{ Params: { zone: string }; Querystring: { limit: number; state: 'all' | 'open' } }>(
    '/zones/:zone/convergence',
    {
      schema: {
        tags: ['zones'],
        summary: 'Show how a zone stands at each secondary, and its last serials',
        params: zoneParams,
        querystring: { type: 'object', properties: { limit: paging.limit, state: standingState } },
        response: { 200: answer('Where it is served', anything), ...errors },
      },
    },
    async ({ params, query }) => {
      const { id } = await zoneOf(pool, params.zone);
      const { limit, state } = query;
      const [standing, history] = await Promise.all([
        readStanding(pool, { zoneIds: [id], open: state === 'open', limit }),
        readHistory(pool, { zoneId: id, limit }),
      ]);
      const { rows: waiting } = await pool.query(
        'select exists (select from zone_marks where zone_id = $1::bigint) as edits',
        [id],
      );
      const isOpen = standing.rows.some((row) => row.state !== 'converged' && row.state !== 'not checked');
      return success({
        converged: !isOpen && waiting[0]?.edits === false,
        secondaries: standing.rows.map((row) => standingInJson(row, clock.now())),
        history,
      });
    },
  );

  app.get<{ Querystring: { minutes: number; step: number } }>(
    '/status/visible',
    {
      schema: {
        tags: ['status'],
        summary:
          'How long changes took from their commit until each secondary was seen to serve them, over time',
        querystring: {
          type: 'object',
          properties: {
            minutes: {
              type: 'integer',
              minimum: 1,
              maximum: 44_640,
              default: 180,
              description: 'How far back; 31 days at most.',
            },
            step: {
              type: 'integer',
              minimum: 1,
              maximum: 1_440,
              default: 1,
              description: 'Minutes of one point.',
            },
          },
        },
        response: { 200: pageOf('Points, in milliseconds', anything), ...errors },
      },
    },
    async ({ query }) => {
      // a plot of more points than this is no plot
      const step = Math.max(query.step, Math.ceil(query.minutes / 1_440));
      const points = await readVisible(pool, { minutes: query.minutes, step });
      return { ...success(points), next: null, total: points.length };
    },
  );

  app.get<{ Querystring: { limit: number } }>(
    '/status/refusals',
    {
      schema: {
        tags: ['status'],
        summary: 'Who was refused in the last seven days, why, and what would let them in',
        querystring: { type: 'object', properties: { limit: paging.limit } },
        response: { 200: pageOf('Refusals', anything), ...errors },
      },
    },
    async ({ query }) => {
      const { rows, total } = await readRefusals(pool, query.limit);
      return { ...success(rows), next: null, total };
    },
  );
}
