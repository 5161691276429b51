import type { FastifyRequest } from 'fastify';
import { absoluteName, NameError, nameKey } from '../../dns/name.ts';
import { isId, readZone } from '../../store/items.ts';
import type { Client, Pool } from '../../store/pool.ts';
import { zoneIdsOf } from '../../store/resync.ts';
import { actingAs } from '../../store/transaction.ts';
import { type Convergence, inWords } from '../../zone/convergence.ts';
import { changeOfRequest, nameChange } from '../change.ts';
import { HttpError, notFound } from '../errors.ts';
import { callerOf } from '../guard.ts';

/** A zone of a path: by its id, or by its name in any case, with or without the final dot. */
export async function zoneOf(pool: Pool, reference: string) {
  const zone = await readZone(pool, isId(reference) ? reference : keyOrItself(reference));
  if (!zone) throw notFound(`zone ${reference}`);
  return zone;
}

/** The canonical text of a zone's name in the field `name`. */
export function zoneName(text: string, field = 'name'): string {
  try {
    return nameKey(absoluteName(text));
  } catch (error) {
    if (error instanceof NameError)
      throw new HttpError(422, `${field}: "${text.slice(0, 80)}": ${error.message}`);
    throw error;
  }
}

/** A domain name of any field, with its final dot. */
export function domainName(text: string, field: string): string {
  zoneName(text, field);
  return text.endsWith('.') ? text : `${text}.`;
}

/**
 * Makes a change as who sent the request, whom the journal names: by the token, where it has a name. The answer names the id that the change
 * is followed by.
 */
export async function asCaller<T>(
  request: FastifyRequest,
  pool: Pool,
  change: (client: Client) => Promise<T>,
  action?: string,
): Promise<T> {
  const id = changeOfRequest(request);
  const result = await actingAs(pool, `api:${callerOf(request).name ?? 'api'}`, change, action, id);
  nameChange(request, id);
  return result;
}

/** The ids of the zones named; undefined where none are, which means all. */
export async function zoneIds(
  pool: Pool,
  names: readonly string[] | undefined,
): Promise<string[] | undefined> {
  if (names === undefined || names.length === 0) return undefined;
  const { ids, unknown } = await zoneIdsOf(pool, names);
  if (unknown.length > 0)
    throw new HttpError(422, `zones: there is no zone ${unknown.slice(0, 10).join(', ')}`);
  return ids;
}

/** The version that an If-Match header asks for; undefined where any will do. */
export function wantedVersion(request: FastifyRequest): string | undefined {
  const header = request.headers['if-match']?.trim();
  if (header === undefined || header === '*') return undefined;
  return /^"([^"]*)"$/.exec(header)?.[1] ?? header;
}

export function etag(version: string): string {
  return `"${version}"`;
}

export function changedMeanwhile(what: string): HttpError {
  return new HttpError(412, `if-match: ${what} was changed since it was read: read it again`);
}

export function success<T>(data: T): { status: 'success'; data: T } {
  return { status: 'success', data };
}

function keyOrItself(name: string): string {
  try {
    return nameKey(absoluteName(name));
  } catch {
    return name;
  }
}

/** How a zone stands at a secondary, with its sentence. */
export function standingInJson(row: Convergence, now: number): object {
  return { ...row, words: inWords(row, now) };
}
