import type { FastifyInstance } from 'fastify';
import { readAliasWhy } from '../../store/history/why.ts';
import { pageOfZoneNames, whileZoneIs } from '../../store/items.ts';
import { ownerOf } from '../../store/record-words.ts';
import { readAliasStatus } from '../../store/status/aliases.ts';
import { addZone, deleteZone, findZones, setZone, type Zone, type ZoneSettings } from '../../store/zones.ts';
import { field, notFound } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import {
  answer,
  anything,
  errors,
  ifMatch,
  newZone,
  pageOf,
  paging,
  zoneChange,
  zoneParams,
} from '../schemas.ts';
import {
  asCaller,
  changedMeanwhile,
  domainName,
  etag,
  success,
  wantedVersion,
  zoneName,
  zoneOf,
} from './common.ts';

interface ZonePath {
  Params: { zone: string };
}

/** `/v1/zones`, each by its name or id. */
export function zoneRoutes(app: FastifyInstance, { pool }: Rooms): void {
  const tags = ['zones'];

  app.get<{ Querystring: { limit: number; after?: string; search?: string } }>(
    '/zones',
    {
      schema: {
        tags,
        summary: 'List zones in the order of names',
        querystring: {
          type: 'object',
          properties: { ...paging, search: { type: 'string', description: 'How the name begins.' } },
        },
        response: { 200: pageOf('Zones', anything), ...errors },
      },
    },
    async ({ query }) => {
      const { limit, after = '', search = '' } = query;
      const { names, total } = await pageOfZoneNames(pool, { prefix: search.toLowerCase(), after, limit });
      const zones = await findZones(pool, names);
      return { ...success(zones.map(toJson)), next: names.length === limit ? names.at(-1) : null, total };
    },
  );

  app.post<{ Body: ZoneSettings & { name: string; primaryNs: string; contact: string } }>(
    '/zones',
    {
      schema: {
        tags,
        summary: 'Make a zone, and the NS record of its primary',
        body: newZone,
        response: { 201: answer('The zone', anything), ...errors },
      },
    },
    async (request, reply) => {
      const { name, ...settings } = request.body;
      const primaryNs = domainName(settings.primaryNs, 'primaryNs');
      const zone = await asCaller(request, pool, (client) =>
        addZone(client, zoneName(name), { ...settings, primaryNs }),
      );
      reply.status(201).header('location', `/v1/zones/${encodeURIComponent(zone.name)}`);
      return success({ message: `zone ${zone.name} was made`, zone: toJson(zone) });
    },
  );

  app.get<ZonePath>(
    '/zones/:zone',
    {
      schema: {
        tags,
        summary: 'Show a zone',
        params: zoneParams,
        response: { 200: answer('The zone', anything), ...errors },
      },
    },
    async ({ params }, reply) => {
      const { version, ...zone } = await zoneOf(pool, params.zone);
      reply.header('etag', etag(version));
      return success(toJson(zone));
    },
  );

  app.patch<ZonePath & { Body: ZoneSettings }>(
    '/zones/:zone',
    {
      schema: {
        tags,
        summary: 'Change settings of a zone; what is not given stays',
        params: zoneParams,
        headers: ifMatch,
        body: zoneChange,
        response: { 200: answer('The zone', anything), ...errors },
      },
    },
    async (request, reply) => {
      const { name } = await zoneOf(pool, request.params.zone);
      const { primaryNs, ...rest } = request.body;
      const settings = {
        ...rest,
        ...(primaryNs === undefined ? {} : { primaryNs: domainName(primaryNs, 'primaryNs') }),
      };
      const version = wantedVersion(request);
      const zone = await asCaller(request, pool, (client) =>
        version === undefined
          ? setZone(client, name, settings)
          : whileZoneIs(client, name, version, () => setZone(client, name, settings)),
      );
      if (zone === undefined) throw notFound(`zone ${name}`);
      if (zone === 'changed') throw changedMeanwhile(`zone ${name}`);
      const { version: now } = await zoneOf(pool, name);
      reply.header('etag', etag(now));
      return success({ message: `zone ${name} was changed`, zone: toJson(zone) });
    },
  );

  app.delete<ZonePath>(
    '/zones/:zone',
    {
      schema: {
        tags,
        summary: 'Delete a zone with its records and its history; its last serial is remembered',
        params: zoneParams,
        headers: ifMatch,
        response: { 200: answer('What was deleted', anything), ...errors },
      },
    },
    async (request) => {
      const { name } = await zoneOf(pool, request.params.zone);
      const version = wantedVersion(request);
      const zone =
        version === undefined
          ? await deleteZone(pool, name)
          : await whileZoneIs(pool, name, version, (client) => deleteZone(client, name));
      if (zone === undefined) throw notFound(`zone ${name}`);
      if (zone === 'changed') throw changedMeanwhile(`zone ${name}`);
      return success({ message: `zone ${name} was deleted`, zone: toJson(zone) });
    },
  );

  app.get<ZonePath & { Querystring: { limit: number } }>(
    '/zones/:zone/aliases',
    {
      schema: {
        tags,
        summary: 'Show the ALIAS records of a zone with what they publish; those in trouble first',
        params: zoneParams,
        querystring: { type: 'object', properties: { limit: paging.limit } },
        response: { 200: pageOf('Aliases', anything), ...errors },
      },
    },
    async ({ params, query }) => {
      const { id } = await zoneOf(pool, params.zone);
      const { rows, total } = await readAliasStatus(pool, query.limit, id);
      return { ...success(rows), next: null, total };
    },
  );

  app.get<ZonePath & { Querystring: { name: string } }>(
    '/zones/:zone/aliases/why',
    {
      schema: {
        tags,
        summary: 'Show what an ALIAS publishes, and what that rests on: which answer, when, from whom',
        params: zoneParams,
        querystring: {
          type: 'object',
          properties: { name: { type: 'string', minLength: 1, description: 'As in a zone file.' } },
          required: ['name'],
        },
        response: { 200: answer('The ALIAS', anything), ...errors },
      },
    },
    async ({ params, query }) => {
      const zone = await zoneOf(pool, params.zone);
      const owner = field('name', () => ownerOf(query.name, zone.name));
      const why = await readAliasWhy(pool, zone.id, owner.toLowerCase());
      if (!why) throw notFound(`ALIAS at ${owner}`);
      return success(why);
    },
  );
}

/** As the command line prints it: `serial` is the published one, or null. */
function toJson(zone: Zone): object {
  const { serial, publishedSerial, ...rest } = zone;
  return { ...rest, serial: publishedSerial, nextSerial: publishedSerial === serial ? null : serial };
}
