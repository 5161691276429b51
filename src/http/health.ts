import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

/**
 * `GET /healthz`: 200 while the process lives. `GET /readyz`: 200, or 503 with the reasons while it can't do its work.
 *
 * @param reasons why the process can't do its work just now, `WHAT: WHY` each; none where it can
 * @param isOpenly whether everybody who asks may know why; else they hear what alone, and the log says why
 */
export function health(app: FastifyInstance, reasons: () => Promise<string[]>, isOpenly: boolean): void {
  // asked by everybody, and of the database: those who ask meanwhile share an answer
  let underWay: Promise<string[]> | undefined;
  const shared = () => {
    underWay ??= reasons()
      .catch(() => ['the state could not be read'])
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  };
  app.get(
    '/healthz',
    { schema: { tags: ['health'], summary: 'Whether the process lives', security: [] } },
    () => ({
      status: 'success',
      data: { alive: true },
    }),
  );
  app.get(
    '/readyz',
    { schema: { tags: ['health'], summary: 'Whether it can do its work', security: [] } },
    async (_request, reply) => {
      const found = await shared();
      if (found.length === 0) return { status: 'success', data: { ready: true } };
      reply.status(503);
      const told = isOpenly
        ? found
        : [...new Set(found.map((reason) => reason.split(':', 1)[0])), 'the log says more'];
      return { status: 'error', error: { code: 'not_ready', message: told.join('; ') } };
    },
  );
}
