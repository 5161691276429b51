import type { FastifyInstance } from 'fastify';
import type { Channel } from '../../store/hints.ts';
import { HttpError } from '../errors.ts';
import type { Rooms } from '../rooms.ts';

/** What a change is about, by the hint that tells of it. */
const ABOUT: Partial<Record<Channel, string>> = {
  versions: 'zones',
  zones: 'zones',
  registry: 'secondaries',
  outbox: 'secondaries',
  convergence: 'secondaries',
  targets: 'aliases',
};
const MOST_STREAMS = 100;
/** Milliseconds in which changes become one event, between signs of life, and until an event comes though no hint did. */
const GATHER = 250;
const ALIVE_EVERY = 15_000;
const ANYHOW_AFTER = 10_000;

/**
 * `/v1/status/events`: server-sent events that say what has changed, for who shows it live. What it has become is for the routes beside to
 * tell. Hints may be lost, so an event comes every ten seconds anyhow.
 */
export function eventRoutes(app: FastifyInstance, { hints, clock }: Rooms): void {
  const streams = new Set<(text: string) => void>();
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let last = clock.now();

  const tell = () => {
    timer = undefined;
    last = clock.now();
    const text = `event: changed\ndata: ${JSON.stringify({ what: [...changed] })}\n\n`;
    changed.clear();
    for (const send of streams) send(text);
  };
  const note = (what: string) => {
    if (streams.size === 0) return;
    changed.add(what);
    timer ??= setTimeout(tell, GATHER);
  };
  const offs = Object.entries(ABOUT).map(([channel, what]) => hints.on(channel as Channel, () => note(what)));
  const alive = setInterval(() => {
    if (clock.now() - last >= ANYHOW_AFTER) note('all');
    else for (const send of streams) send(': alive\n\n');
  }, ALIVE_EVERY / 2).unref();
  app.addHook('onClose', async () => {
    for (const off of offs) off();
    clearInterval(alive);
    clearTimeout(timer);
  });

  app.get(
    '/status/events',
    {
      schema: {
        tags: ['status'],
        summary: 'Server-sent events: what has changed, as it does',
        produces: ['text/event-stream'],
      },
    },
    (request, reply) => {
      if (streams.size >= MOST_STREAMS)
        throw new HttpError(
          503,
          `events: ${MOST_STREAMS} listen already, which is the most: ask /v1/status instead`,
        );
      const { raw } = reply.hijack();
      raw.writeHead(200, {
        ...Object.fromEntries(
          Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]),
        ),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        'x-content-type-options': 'nosniff',
      });
      const send = (text: string) => {
        // who does not read is cut off, and connects anew
        if (raw.writableLength > 65_536) raw.destroy();
        else raw.write(text);
      };
      streams.add(send);
      send(`retry: 2000\nevent: changed\ndata: {"what":["all"]}\n\n`);
      request.raw.socket.setTimeout(0);
      raw.on('close', () => streams.delete(send));
    },
  );
}
