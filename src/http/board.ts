import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance } from 'fastify';
import type { Queues } from '../sync/queues.ts';
import { notFound } from './errors.ts';

const PATH = '/queues';

/** Bull Board at `/queues`, on either backend. Its pages need nothing from other servers: what they name there is blocked. */
export async function board(app: FastifyInstance, queues: Queues): Promise<void> {
  const serverAdapter = new FastifyAdapter();
  createBullBoard({
    queues: [new BullMQAdapter(queues.queue, { description: 'Looks at ALIAS targets' })],
    serverAdapter,
    options: {
      uiConfig: {
        boardTitle: 'Zoneferry',
        hideDocsLink: true,
        miscLinks: [{ text: 'Dashboard', url: '/' }],
      },
    },
  });
  serverAdapter.setBasePath(PATH);
  // errors are answered as everywhere: its own way tells what the database said
  serverAdapter.setErrorHandler((error) => {
    throw error;
  });
  await app.register(
    async (inside) => {
      inside.addHook('preHandler', async ({ params, routeOptions }) => {
        const { jobId } = params as { jobId?: string };
        if (jobId === undefined || !routeOptions.url?.startsWith(`${PATH}/api/`)) return;
        if (!(await queues.find(jobId))) throw notFound(`job ${jobId}`);
      });
      await inside.register(serverAdapter.registerPlugin() as Parameters<FastifyInstance['register']>[0]);
    },
    { prefix: PATH },
  );
}
