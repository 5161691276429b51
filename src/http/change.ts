import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Change, changeId, newChange } from '../trace.ts';
import { spanOf } from './request-spans.ts';

/** The header of an answer that names the id of what the request changed. */
export const CHANGE_HEADER = 'zoneferry-change';

const made = new WeakMap<FastifyRequest, Change>();

/** By what the changes of a request are followed. */
export function changeOfRequest(request: FastifyRequest): Change {
  return spanOf(request)?.change ?? newChange();
}

/** To be called when a request has changed something: its answer says by what that is followed. */
export function nameChange(request: FastifyRequest, change: Change): void {
  made.set(request, change);
}

export function nameChanges(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply) => {
    const change = made.get(request);
    if (change !== undefined) reply.header(CHANGE_HEADER, changeId(change));
  });
}
