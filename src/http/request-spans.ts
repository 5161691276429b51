import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OpenSpan, Tracing } from '../trace.ts';

/** What is asked all the time by machines. */
const POLLED = /^\/(healthz|readyz|metrics|page\/|favicon)/;

const spans = new WeakMap<FastifyRequest, OpenSpan>();

/** The span of a request; undefined where it is not traced. */
export function spanOf(request: FastifyRequest): OpenSpan | undefined {
  return spans.get(request);
}

/** One span for each request, which goes on with the trace that its `traceparent` names. To be called before other hooks are added. */
export function traceRequests(app: FastifyInstance, tracing: Tracing): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, url, headers } = request;
    if (POLLED.test(url)) {
      done();
      return;
    }
    const route = request.routeOptions.url ?? 'unknown';
    // the span has to be known before the request goes on, within its context
    const span = tracing.open(`${method} ${route}`, headers, () => queueMicrotask(done));
    spans.set(request, span);
    span.set({ 'http.request.method': method, 'http.route': route });
  });
  app.addHook('onResponse', async (request, reply) => {
    const span = spans.get(request);
    span?.set({ 'http.response.status_code': reply.statusCode });
    span?.end(reply.statusCode >= 500 ? `status ${reply.statusCode}` : undefined);
  });
  app.addHook('onRequestAbort', async (request) => spans.get(request)?.end('the client went away'));
}
