import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { isId } from '../../store/items.ts';
import { addKey, deleteKey, type KeyEntry, listKeys, setKey } from '../../store/keys.ts';
import { notFound } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import { answer, anything, errors, keyChange, namedParams, newKey, pageOf, paging } from '../schemas.ts';
import { success, zoneName } from './common.ts';
import { pageByName } from './page.ts';

const SECRET_OCTETS = 32;

interface Path {
  Params: { id: string };
}

/** `/v1/keys`, each by its id or name. A secret is told once, in the answer to its making. */
export function keyRoutes(app: FastifyInstance, { pool, secrets }: Rooms): void {
  const tags = ['keys'];
  const response = { 200: answer('The key, without its secret', anything), ...errors };

  app.get<{ Querystring: { limit: number; after?: string } }>(
    '/keys',
    {
      schema: {
        tags,
        summary: 'List keys, without their secrets',
        querystring: { type: 'object', properties: paging },
        response: { 200: pageOf('Keys', anything), ...errors },
      },
    },
    async ({ query }) => {
      const { items, ...page } = pageByName(await listKeys(pool), query);
      return { ...success(items), ...page };
    },
  );

  app.post<{ Body: { name: string; algorithm: string; secret?: string; minMacBits?: number | null } }>(
    '/keys',
    {
      schema: {
        tags,
        summary: 'Add a key; the answer tells its secret this once',
        body: newKey,
        response: { 201: answer('The key with its secret', anything), ...errors },
      },
    },
    async ({ body }, reply) => {
      zoneName(body.name);
      const secret = body.secret ?? randomBytes(SECRET_OCTETS).toString('base64');
      const key = await addKey(pool, secrets, { ...body, secret });
      reply.status(201).header('location', `/v1/keys/${key.id}`);
      return success({
        message: `key ${key.name} was added; its secret is told this once`,
        key: { ...key, secret },
      });
    },
  );

  app.get<Path>(
    '/keys/:id',
    { schema: { tags, summary: 'Show a key, without its secret', params: namedParams, response } },
    async ({ params }) => success(await find(params.id)),
  );

  app.patch<Path & { Body: { algorithm?: string; secret?: string; minMacBits?: number | null } }>(
    '/keys/:id',
    {
      schema: {
        tags,
        summary: 'Change a key; what is not given stays',
        params: namedParams,
        body: keyChange,
        response,
      },
    },
    async ({ params, body }) => {
      const { name } = await find(params.id);
      const key = await setKey(pool, secrets, name, body);
      if (!key) throw notFound(`key ${name}`);
      return success({ message: `key ${name} was changed`, key });
    },
  );

  app.delete<Path>(
    '/keys/:id',
    { schema: { tags, summary: 'Delete a key that no secondary uses', params: namedParams, response } },
    async ({ params }) => {
      const key = await find(params.id);
      if (!(await deleteKey(pool, key.name))) throw notFound(`key ${key.name}`);
      return success({ message: `key ${key.name} was deleted`, key });
    },
  );

  async function find(reference: string): Promise<KeyEntry> {
    const name = reference.toLowerCase().replace(/(.)\.$/, '$1');
    const found = (await listKeys(pool)).find((key) =>
      isId(reference) ? key.id === reference : key.name === name,
    );
    if (!found) throw notFound(`key ${reference}`);
    return found;
  }
}
