import type { FastifyInstance } from 'fastify';
import { oldestSerial, readSteps } from '../../store/history/chain.ts';
import { readDifference } from '../../store/history/difference.ts';
import { historyGone, rollBack, whyNoRollback } from '../../store/history/rollback.ts';
import { readReason } from '../../zone/cause.ts';
import { differenceLines } from '../../zone/difference-lines.ts';
import { HttpError, notFound } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import {
  answer,
  anything,
  errors,
  pageOf,
  paging,
  rollbackBody,
  serialQuery,
  zoneParams,
} from '../schemas.ts';
import { asCaller, success, zoneOf } from './common.ts';

interface ZonePath {
  Params: { zone: string };
}

/** The versions of `/v1/zones/{zone}`: which there were and why, what they changed, and the way back. */
export function historyRoutes(app: FastifyInstance, { pool }: Rooms): void {
  const tags = ['zones'];

  app.get<ZonePath & { Querystring: { limit: number } }>(
    '/zones/:zone/history',
    {
      schema: {
        tags,
        summary: 'List the versions of a zone, newest first, each with who or what made it',
        params: zoneParams,
        querystring: { type: 'object', properties: { limit: paging.limit } },
        response: { 200: pageOf('Versions', anything), ...errors },
      },
    },
    async ({ params, query }) => {
      const zone = await zoneOf(pool, params.zone);
      const steps = await readSteps(pool, zone.id, {});
      const versions = steps.slice(0, query.limit).map(({ from, to, at, deleted, added, change, reason }) => {
        const { causes, more = 0, joined = [] } = readReason(reason);
        return { serial: to, from, at, deleted, added, change, joined, causes, more };
      });
      return { ...success(versions), next: null, total: steps.length };
    },
  );

  app.get<ZonePath & { Querystring: { from: string; to?: string } }>(
    '/zones/:zone/diff',
    {
      schema: {
        tags,
        summary: 'Show what changed from one version of a zone to another, as lines of a master file',
        params: zoneParams,
        querystring: {
          type: 'object',
          properties: {
            from: serialQuery('A serial.'),
            to: serialQuery('Another one; else the published one.'),
          },
          required: ['from'],
        },
        response: { 200: answer('What one has and the other has not', anything), ...errors },
      },
    },
    async ({ params, query }) => {
      const zone = await zoneOf(pool, params.zone);
      const from = Number(query.from);
      const to = query.to === undefined ? (zone.publishedSerial ?? from) : Number(query.to);
      if (from === to) return success({ from, to, deleted: [], added: [] });
      const step = await readDifference(pool, zone.id, from, to);
      if (!step) throw new HttpError(404, historyGone(zone.name, from, await oldestSerial(pool, zone.id)));
      return success({ from, to, ...differenceLines(zone.name, step) });
    },
  );

  app.post<ZonePath & { Body: { to: number; dryRun?: boolean } }>(
    '/zones/:zone/rollback',
    {
      schema: {
        tags,
        summary: 'Publish the source of an earlier version again, ALIAS as ALIAS, under a new serial',
        params: zoneParams,
        body: rollbackBody,
        response: { 200: answer('What changes in the source', anything), ...errors },
      },
    },
    async (request) => {
      const { to, dryRun = false } = request.body;
      const { name } = await zoneOf(pool, request.params.zone);
      const result = await asCaller(
        request,
        pool,
        (client) => rollBack(client, name, to, { dryRun }),
        `rollback to ${to}`,
      );
      if (result.kind === 'no-zone') throw notFound(`zone ${name}`);
      if (result.kind !== 'planned') throw new HttpError(409, whyNoRollback(name, to, result));
      const { kind: _, zoneId: __, ...plan } = result;
      return success({
        message: dryRun
          ? `zone ${name} would go back to the source of serial ${to}`
          : `zone ${name} went back to the source of serial ${to}`,
        dryRun,
        ...plan,
      });
    },
  );
}
