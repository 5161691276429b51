import type { FastifyInstance } from 'fastify';
import { readGuards, zonesHeld } from '../../store/guards/status.ts';
import { notFound } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import { anything, errors, pageOf, paging } from '../schemas.ts';
import { success } from './common.ts';

/** `/v1/guards`: what guards hold, and which zones would have to be forced to publish it all the same. */
export function guardRoutes(app: FastifyInstance, { pool }: Rooms): void {
  const tags = ['guards'];
  app.get(
    '/guards',
    {
      schema: {
        tags,
        summary: 'List the guards that hold something now, with their numbers',
        response: { 200: pageOf('Guards', anything), ...errors },
      },
    },
    async () => ({ ...success(await readGuards(pool)), next: null }),
  );

  app.get<{ Params: { guard: 'empty' | 'change' | 'apex' }; Querystring: { limit: number } }>(
    '/guards/:guard/zones',
    {
      schema: {
        tags,
        summary: 'List the zones that a guard holds something of; `force` of a resync of them publishes it',
        params: {
          type: 'object',
          properties: { guard: { type: 'string', enum: ['empty', 'change', 'apex'] } },
          required: ['guard'],
        },
        querystring: { type: 'object', properties: { limit: paging.limit } },
        response: { 200: pageOf('Names of zones', { type: 'string' }), ...errors },
      },
    },
    async ({ params, query }) => {
      const zones = await zonesHeld(pool, params.guard, query.limit);
      if (zones.length === 0) throw notFound(`zone that the guard ${params.guard} holds anything of`);
      return { ...success(zones), next: null };
    },
  );
}
