import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import pg from 'pg';
import { messageOf, oneLine, UserError } from '../errors.ts';
import type { Log } from '../log.ts';
import { databaseFailure } from '../store/failure.ts';
import { unstorable } from './unstorable.ts';

const CODES = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  408: 'too_slow',
  409: 'conflict',
  412: 'changed_meanwhile',
  413: 'too_large',
  414: 'too_long',
  422: 'invalid',
  429: 'too_many_attempts',
  431: 'too_long',
  500: 'internal',
  503: 'unavailable',
} as const;

export type ErrorStatus = keyof typeof CODES;

/** An answer that is an error. The message is one line, and names the field where one is at fault. */
export class HttpError extends Error {
  readonly status: ErrorStatus;
  /** Seconds after which asking again makes sense. */
  readonly retryAfter: number | undefined;

  constructor(status: ErrorStatus, message: string, retryAfter?: number) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Of a path that leads nowhere. */
export function nothingAt(request: FastifyRequest): HttpError {
  return new HttpError(404, `there is nothing at ${request.method} ${request.url.slice(0, 200)}`);
}

export function notFound(what: string): HttpError {
  return new HttpError(404, `there is no ${what}`);
}

/** The body of every error. */
export function errorBody(status: ErrorStatus, message: string): object {
  return { status: 'error', error: { code: CODES[status], message: oneLine(message) } };
}

/** Answers whatever was thrown; what is nobody's fault but ours is logged, and not told. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const { status, message } = httpErrorOf(error, request);
  if (status === 500)
    log.error({ method: request.method, route: request.routeOptions.url, err: error }, 'a request failed');
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="zoneferry"');
  if (error instanceof HttpError && error.retryAfter !== undefined)
    reply.header('retry-after', String(error.retryAfter));
  reply.status(status).type('application/json; charset=utf-8').send(errorBody(status, message));
}

/** Runs a check of one field; what it refuses is told under the field's name. */
export function field<T>(name: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof UserError) throw new HttpError(422, `${name}: ${error.message}`);
    throw error;
  }
}

/** PostgreSQL's errors that the request's data are to blame for: bad data, violated constraints, raised exceptions. */
const OF_THE_DATA = /^(22|23|0A|P0)/;
/** Those that pass: the database takes no writes, others were in the way, or it took too long. */
const OF_THE_MOMENT = /^(25006|40|53|55P03|57014)/;
/** A character that PostgreSQL has no place for, in a text or in JSON. */
const OF_A_CHARACTER = /^(22021|22P05|22P02)$/;

function httpErrorOf(error: unknown, request: FastifyRequest): { status: ErrorStatus; message: string } {
  if (error instanceof HttpError) return error;
  if (error instanceof UserError) return { status: 422, message: messageOf(error) };
  const failure = databaseFailure(error);
  if (failure?.kind === 'away')
    return { status: 503, message: 'the database can not be reached just now: try again' };
  if (failure && error instanceof pg.DatabaseError) {
    const code = error.code ?? '';
    const field = OF_A_CHARACTER.test(code) ? unstorable(request) : undefined;
    if (field !== undefined)
      return { status: 422, message: `${field}: holds U+0000 or half a character, which can not be stored` };
    if (OF_THE_DATA.test(code))
      return { status: failure.kind === 'conflict' ? 409 : 422, message: withField(error, failure.message) };
    if (OF_THE_MOMENT.test(code))
      return { status: 503, message: 'the database can not do it just now: try again' };
  }
  if (error instanceof URIError) return { status: 400, message: 'path: takes UTF-8, percent-encoded' };
  return ofFastify(error as Partial<FastifyError>, request);
}

function withField(error: pg.DatabaseError, message: string): string {
  return error.column ? `${camelCase(error.column)}: ${message}` : message;
}

function camelCase(column: string): string {
  return column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function ofFastify(
  error: Partial<FastifyError>,
  request: FastifyRequest,
): { status: ErrorStatus; message: string } {
  const [first] = error.validation ?? [];
  if (first) return ofSchema(first, error.validationContext ?? 'body');
  if (error.statusCode === 413)
    return { status: 413, message: 'body: larger than 1 MiB, which is the most that is taken' };
  if (error.statusCode === 415)
    return { status: 400, message: 'content-type: the body has to be application/json' };
  // of a file that stands outside of what is shown
  if (error.statusCode === 403 || error.statusCode === 404) return nothingAt(request);
  if (error.statusCode === 416) return { status: 400, message: 'range: lies outside of what is there' };
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return { status: 400, message: `body: ${messageOf(error)}` };
  return { status: 500, message: 'something went wrong here; the log says what' };
}

interface SchemaError {
  keyword: string;
  instancePath: string;
  params: Record<string, unknown>;
  message?: string;
}

/** A wrong shape is 400, a wrong value 422. */
function ofSchema(error: SchemaError, context: string): { status: ErrorStatus; message: string } {
  const path = error.instancePath.replace(/^\//, '').replaceAll('/', '.');
  const name = path || context;
  const inside = (part: unknown) => (path ? `${path}.${String(part)}` : String(part));
  switch (error.keyword) {
    case 'required':
      return { status: 400, message: `${inside(error.params.missingProperty)}: is missing` };
    case 'additionalProperties':
      return { status: 400, message: `${inside(error.params.additionalProperty)}: is not known here` };
    case 'minProperties':
      return { status: 400, message: `${name}: names nothing to change` };
    case 'enum':
      return {
        status: 422,
        message: `${name}: takes ${(error.params.allowedValues as string[]).join(', ')}`,
      };
    case 'type':
      return { status: 400, message: `${name}: ${error.message ?? 'has a wrong type'}` };
    default:
      return { status: 422, message: `${name}: ${error.message ?? 'is not valid'}` };
  }
}
