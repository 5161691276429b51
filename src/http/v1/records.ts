import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';
import {
  changeRecord,
  pageOfRecords,
  type RecordCursor,
  readRecord,
  removeRecord,
} from '../../store/items.ts';
import { normalContent, ownerOf, ttlOf, typeOf } from '../../store/record-words.ts';
import { addRecord, deleteRecords, findRecords, type StoredSource } from '../../store/records.ts';
import { type AliasOptions, unusualOptions } from '../../zone/record.ts';
import { field, HttpError, notFound } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import {
  answer,
  anything,
  errors,
  ifMatch,
  newRecord,
  pageOf,
  paging,
  recordChange,
  recordParams,
  zoneParams,
} from '../schemas.ts';
import { asCaller, changedMeanwhile, etag, success, wantedVersion, zoneOf } from './common.ts';

interface RecordPath {
  Params: { zone: string; id: string };
}
type RecordBody = Pick<StoredSource, 'name' | 'type' | 'content'> &
  Partial<AliasOptions> & { ttl?: number; disabled?: boolean };

const BEGIN: RecordCursor = { owner: '', type: '', id: '0' };

/** `/v1/zones/{zone}/records`: the source, as the operator wrote it. */
export function recordRoutes(app: FastifyInstance, { pool }: Rooms): void {
  const tags = ['records'];
  const which = {
    name: { type: 'string', description: 'Only records of this name.' },
    type: { type: 'string', description: 'Only records of this type.' },
  };

  app.get<{
    Params: { zone: string };
    Querystring: { limit: number; after?: string; name?: string; type?: string };
  }>(
    '/zones/:zone/records',
    {
      schema: {
        tags,
        summary: 'List what was written, in the order of names',
        params: zoneParams,
        querystring: { type: 'object', properties: { ...paging, ...which } },
        response: { 200: pageOf('Records', anything), ...errors },
      },
    },
    async ({ params, query }) => {
      const zone = await zoneOf(pool, params.zone);
      const { name, type, limit, after } = query;
      const owner = name === undefined ? undefined : field('name', () => ownerOf(name, zone.name));
      const { records, end } = await pageOfRecords(pool, zone.id, {
        after: after === undefined ? BEGIN : readCursor(after),
        limit,
        owner: owner?.toLowerCase(),
        type: type === undefined ? undefined : field('type', () => typeOf(owner ?? zone.name, type)),
      });
      return { ...success(records.map(toJson)), next: end ? writeCursor(end) : null };
    },
  );

  app.post<{ Params: { zone: string }; Body: RecordBody }>(
    '/zones/:zone/records',
    {
      schema: {
        tags,
        summary: 'Add a record',
        params: zoneParams,
        body: newRecord,
        response: { 201: answer('The record', anything), ...errors },
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      const zone = await zoneOf(pool, params.zone);
      const owner = field('name', () => ownerOf(body.name, zone.name));
      const type = field('type', () => typeOf(owner, body.type));
      const record = {
        name: owner,
        type,
        ttl: field('ttl', () => ttlOf(owner, type, body.ttl ?? 3600)),
        content: field('content', () => normalContent(owner, type, body.content)),
        disabled: body.disabled,
        options: optionsOf(owner, type, body),
      };
      const added = await asCaller(request, pool, (client) => addRecord(client, zone.id, record));
      reply.status(201).header('location', `/v1/zones/${encodeURIComponent(zone.name)}/records/${added.id}`);
      return success({ message: `record ${added.name} ${added.type} was added`, record: toJson(added) });
    },
  );

  app.delete<{ Params: { zone: string }; Querystring: { name: string; type: string } }>(
    '/zones/:zone/records',
    {
      schema: {
        tags,
        summary: 'Delete all records of one name and type, together',
        params: zoneParams,
        querystring: { type: 'object', properties: which, required: ['name', 'type'] },
        response: { 200: answer('What was deleted', anything), ...errors },
      },
    },
    async (request) => {
      const { params, query } = request;
      const zone = await zoneOf(pool, params.zone);
      const owner = field('name', () => ownerOf(query.name, zone.name));
      const type = field('type', () => typeOf(owner, query.type));
      const found = await findRecords(pool, zone.id, owner.toLowerCase(), type);
      if (found.length === 0) throw notFound(`record ${owner} ${type}`);
      const ids = found.map((record) => record.id);
      const records = await asCaller(request, pool, (client) => deleteRecords(client, ids));
      return success({ message: `${owner} ${type} was deleted`, records: records.map(toJson) });
    },
  );

  app.get<RecordPath>(
    '/zones/:zone/records/:id',
    {
      schema: {
        tags,
        summary: 'Show a record',
        params: recordParams,
        response: { 200: answer('The record', anything), ...errors },
      },
    },
    async ({ params }, reply) => {
      const zone = await zoneOf(pool, params.zone);
      const record = await readRecord(pool, zone.id, params.id);
      if (!record) throw notFound(`record ${params.id} in ${zone.name}`);
      reply.header('etag', etag(record.version));
      return success(toJson(record));
    },
  );

  app.patch<RecordPath & { Body: Partial<RecordBody> }>(
    '/zones/:zone/records/:id',
    {
      schema: {
        tags,
        summary: 'Change a record; what is not given stays',
        params: recordParams,
        headers: ifMatch,
        body: recordChange,
        response: { 200: answer('The record', anything), ...errors },
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      const zone = await zoneOf(pool, params.zone);
      const present = await readRecord(pool, zone.id, params.id);
      if (!present) throw notFound(`record ${params.id} in ${zone.name}`);
      const name =
        body.name === undefined ? present.name : field('name', () => ownerOf(body.name ?? '', zone.name));
      const type =
        body.type === undefined ? present.type : field('type', () => typeOf(name, body.type ?? ''));
      const content = body.content ?? (type === present.type ? undefined : present.content);
      const change = {
        name,
        type,
        ...(body.ttl === undefined ? {} : { ttl: field('ttl', () => ttlOf(name, type, body.ttl ?? 0)) }),
        ...(content === undefined
          ? {}
          : { content: field('content', () => normalContent(name, type, content)) }),
        ...(body.disabled === undefined ? {} : { disabled: body.disabled }),
        options: optionsOf(name, type, body),
      };
      const changed = await asCaller(request, pool, (client) =>
        changeRecord(client, params.id, change, wantedVersion(request)),
      );
      if (!changed) throw await goneOrChanged(zone.id, params.id);
      reply.header('etag', etag(changed.version));
      return success({
        message: `record ${changed.name} ${changed.type} was changed`,
        record: toJson(changed),
      });
    },
  );

  app.delete<RecordPath>(
    '/zones/:zone/records/:id',
    {
      schema: {
        tags,
        summary: 'Delete a record',
        params: recordParams,
        headers: ifMatch,
        response: { 200: answer('What was deleted', anything), ...errors },
      },
    },
    async (request) => {
      const { params } = request;
      const zone = await zoneOf(pool, params.zone);
      const present = await readRecord(pool, zone.id, params.id);
      if (!present) throw notFound(`record ${params.id} in ${zone.name}`);
      const version = wantedVersion(request);
      if (!(await asCaller(request, pool, (client) => removeRecord(client, params.id, version))))
        throw await goneOrChanged(zone.id, params.id);
      return success({
        message: `record ${present.name} ${present.type} was deleted`,
        record: toJson(present),
      });
    },
  );

  async function goneOrChanged(zoneId: string, id: string): Promise<HttpError> {
    return (await readRecord(pool, zoneId, id)) ? changedMeanwhile(`record ${id}`) : notFound(`record ${id}`);
  }
}

function toJson({ id, name, type, content, ttl, disabled, problem, options }: StoredSource): object {
  return { id, name, type, content, ttl, disabled, problem, ...unusualOptions(options) };
}

/** What is given of an ALIAS's options; a 422 for any other type. */
function optionsOf(
  owner: string,
  type: string,
  body: Partial<AliasOptions>,
): Partial<AliasOptions> | undefined {
  const { answers, fallback, debugTxt } = body;
  if (answers === undefined && fallback === undefined && debugTxt === undefined) return undefined;
  if (type !== 'ALIAS')
    throw new HttpError(422, `record ${owner} ${type}: answers, fallback and debugTxt are for ALIAS alone`);
  for (const address of fallback ?? [])
    if (isIP(address) === 0) throw new HttpError(422, `fallback: got "${address}", takes IP addresses`);
  return {
    ...(answers === undefined ? {} : { answers }),
    ...(fallback === undefined ? {} : { fallback }),
    ...(debugTxt === undefined ? {} : { debugTxt }),
  };
}

function writeCursor({ owner, type, id }: RecordCursor): string {
  return Buffer.from(JSON.stringify([owner, type, id])).toString('base64url');
}

function readCursor(text: string): RecordCursor {
  try {
    const [owner, type, id] = JSON.parse(Buffer.from(text, 'base64url').toString()) as string[];
    if (typeof owner === 'string' && typeof type === 'string' && /^\d{1,18}$/.test(id ?? ''))
      return { owner, type, id: String(id) };
  } catch {
    // said below
  }
  throw new HttpError(422, 'after: takes the `next` of the page before');
}
