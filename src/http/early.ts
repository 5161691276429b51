import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorStatus, errorBody } from './errors.ts';
import { NARROW } from './headers.ts';

const JSON_TYPE = 'application/json; charset=utf-8';
/** Of answers that no hook sees. */
const HEADERS = { ...NARROW, 'cache-control': 'no-store' } as const;

/** Answers what is no request that HTTP/1.1 knows, or comes too slowly, in the form of every error; then the connection is closed. */
export function answerNoRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) {
    const [status, message] = whatWasWrong(error.code);
    const body = JSON.stringify(errorBody(status, message));
    const headers = {
      ...HEADERS,
      'content-type': JSON_TYPE,
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    socket.write([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', body].join('\r\n'));
  }
  socket.destroy(error);
}

function whatWasWrong(code: string | undefined): [status: ErrorStatus, message: string] {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'request: came too slowly: ten seconds for its head, thirty for all of it'];
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'request: its head is larger than 16 KiB, which is the most that is taken'];
    default:
      return [400, 'request: is not well-formed HTTP/1.1'];
  }
}

/** Answers a request whose path leads to no route, not even to that of what is not there. */
export function answerNoPath(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  const [status, message] =
    error.code === 'FST_ERR_MAX_PARAM_LENGTH'
      ? ([414, 'path: a part of it is longer than anything here is called'] as const)
      : ([400, 'path: takes UTF-8, percent-encoded'] as const);
  reply.status(status).headers(HEADERS).type(JSON_TYPE).send(errorBody(status, message));
}
