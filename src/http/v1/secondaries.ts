import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import { databaseFailure } from '../../store/failure.ts';
import { isId } from '../../store/items.ts';
import { countStates, readStanding } from '../../store/ledger/states.ts';
import {
  addSecondary,
  deleteSecondary,
  listSecondaries,
  type Secondary,
  type SecondarySettings,
  secondaryInJson,
  setSecondary,
  versionOfSecondary,
} from '../../store/secondaries.ts';
import { readNotifications } from '../../store/status/notifications.ts';
import { HttpError, notFound } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import {
  answer,
  anything,
  errors,
  ifMatch,
  namedParams,
  newSecondary,
  pageOf,
  paging,
  secondaryChange,
  standingState,
} from '../schemas.ts';
import { changedMeanwhile, etag, standingInJson, success, wantedVersion, zoneName } from './common.ts';
import { pageByName } from './page.ts';

type Settings = Omit<SecondarySettings, 'zones' | 'check'> & {
  zones?: 'all' | string[];
  check?: 'none' | string[] | null;
};
interface Path {
  Params: { id: string };
}

/** `/v1/secondaries`, each by its id or name. */
export function secondaryRoutes(app: FastifyInstance, { pool, clock }: Rooms): void {
  const tags = ['secondaries'];
  const response = { 200: answer('The secondary', anything), ...errors };

  app.get<{ Querystring: { limit: number; after?: string } }>(
    '/secondaries',
    {
      schema: {
        tags,
        summary: 'List secondaries',
        querystring: { type: 'object', properties: paging },
        response: { 200: pageOf('Secondaries', anything), ...errors },
      },
    },
    async ({ query }) => {
      const { items, ...page } = pageByName(await listSecondaries(pool), query);
      return { ...success(items.map(secondaryInJson)), ...page };
    },
  );

  app.post<{ Body: Settings & { name: string; addresses: string[] } }>(
    '/secondaries',
    {
      schema: {
        tags,
        summary: 'Register a secondary',
        body: newSecondary,
        response: { 201: answer('The secondary', anything), ...errors },
      },
    },
    async ({ body }, reply) => {
      const { name, ...settings } = body;
      const given = { ...settingsOf(settings), addresses: settings.addresses };
      const secondary = await addSecondary(pool, name, given).catch(badReference);
      reply.status(201).header('location', `/v1/secondaries/${secondary.id}`);
      return success({ message: `secondary ${name} was registered`, secondary: secondaryInJson(secondary) });
    },
  );

  app.get<Path>(
    '/secondaries/:id',
    { schema: { tags, summary: 'Show a secondary', params: namedParams, response } },
    async ({ params }, reply) => {
      const secondary = await find(params.id);
      reply.header('etag', etag((await versionOfSecondary(pool, secondary.name)) ?? ''));
      const convergence = (await countStates(pool)).get(secondary.id);
      return success({ ...secondaryInJson(secondary), convergence });
    },
  );

  app.patch<Path & { Body: Settings }>(
    '/secondaries/:id',
    {
      schema: {
        tags,
        summary: 'Change a secondary; what is not given stays',
        params: namedParams,
        headers: ifMatch,
        body: secondaryChange,
        response,
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      const { name } = await find(params.id);
      const secondary = await setSecondary(pool, name, settingsOf(body), wantedVersion(request)).catch(
        badReference,
      );
      if (!secondary) throw await notAsSeen(name);
      reply.header('etag', etag((await versionOfSecondary(pool, name)) ?? ''));
      return success({ message: `secondary ${name} was changed`, secondary: secondaryInJson(secondary) });
    },
  );

  app.delete<Path>(
    '/secondaries/:id',
    { schema: { tags, summary: 'Forget a secondary', params: namedParams, headers: ifMatch, response } },
    async (request) => {
      const secondary = await find(request.params.id);
      if (!(await deleteSecondary(pool, secondary.name, wantedVersion(request))))
        throw await notAsSeen(secondary.name);
      return success({
        message: `secondary ${secondary.name} was deleted`,
        secondary: secondaryInJson(secondary),
      });
    },
  );

  async function notAsSeen(name: string): Promise<HttpError> {
    const isThere = (await versionOfSecondary(pool, name)) !== undefined;
    return isThere ? changedMeanwhile(`secondary ${name}`) : notFound(`secondary ${name}`);
  }

  app.get<Path & { Querystring: { limit: number } }>(
    '/secondaries/:id/notifications',
    {
      schema: {
        tags,
        summary: 'Show how far each zone has come with a secondary; what waits first',
        params: namedParams,
        querystring: { type: 'object', properties: { limit: paging.limit } },
        response: { 200: pageOf('Zones and addresses', anything), ...errors },
      },
    },
    async ({ params, query }) => {
      const all = await readNotifications(pool, (await find(params.id)).id);
      return { ...success(all.slice(0, query.limit)), next: null, total: all.length };
    },
  );

  app.get<Path & { Querystring: { limit: number; after?: string; state: 'all' | 'open' } }>(
    '/secondaries/:id/zones',
    {
      schema: {
        tags,
        summary: 'Show how each zone stands at a secondary, with the reason in words',
        params: namedParams,
        querystring: { type: 'object', properties: { ...paging, state: standingState } },
        response: { 200: pageOf('Zones', anything), ...errors },
      },
    },
    async ({ params, query }) => {
      const { id } = await find(params.id);
      const { limit, after, state } = query;
      const page = await readStanding(pool, {
        secondaryId: id,
        open: state === 'open',
        limit: limit + 1,
        byName: true,
        ...(after === undefined ? {} : { after }),
      });
      const rows = page.rows.slice(0, limit);
      return {
        ...success(rows.map((row) => standingInJson(row, clock.now()))),
        next: page.rows.length > limit ? (rows.at(-1)?.zone ?? null) : null,
        total: page.total,
      };
    },
  );

  async function find(reference: string): Promise<Secondary> {
    const key = isId(reference) ? 'id' : 'name';
    const found = (await listSecondaries(pool)).find((secondary) => secondary[key] === reference);
    if (!found) throw notFound(`secondary ${reference}`);
    return found;
  }
}

function settingsOf({ zones, catalog, check, ...settings }: Settings): SecondarySettings {
  return {
    ...settings,
    ...(zones === undefined
      ? {}
      : { zones: zones === 'all' ? null : zones.map((zone) => zoneName(zone, 'zones')) }),
    ...(check === undefined ? {} : { check: check === 'none' ? [] : check }),
    ...(catalog === undefined ? {} : { catalog: catalog === null ? null : zoneName(catalog, 'catalog') }),
  };
}

/** A key that there is not is a bad value here, no collision. */
function badReference(error: unknown): never {
  if (error instanceof pg.DatabaseError && error.code === '23503')
    throw new HttpError(422, `keys: ${databaseFailure(error)?.message ?? ''}`);
  throw error;
}
