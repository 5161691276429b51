import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance } from 'fastify';
import type { Queues } from '../sync/queues.ts';

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
  await app.register(serverAdapter.registerPlugin() as Parameters<FastifyInstance['register']>[0], {
    prefix: PATH,
  });
}
