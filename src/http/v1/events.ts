import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { messageOf } from '../../errors.ts';
import type { Channel } from '../../store/hints.ts';
import { tokensLeft } from '../../store/tokens.ts';
import { HttpError } from '../errors.ts';
import { callerOf } from '../guard.ts';
import { NARROW } from '../headers.ts';
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
/** Octets that a listener may leave unread. */
const MOST_UNREAD = 65_536;
/** Milliseconds in which changes become one event, between signs of life, and until an event comes though no hint did. */
const GATHER = 250;
const ALIVE_EVERY = 15_000;
const ANYHOW_AFTER = 10_000;

interface Stream {
  send(text: string): void;
  end(): void;
  /** The id of the named token that opened it. */
  token: string | undefined;
}

/**
 * `/v1/status/events`: server-sent events that say what has changed, for who shows it live. What it has become is for the routes beside to
 * tell. Hints may be lost, so an event comes every ten seconds anyhow. A stream ends soon after its token was taken away.
 */
export function eventRoutes(app: FastifyInstance, { hints, clock, pool, log }: Rooms): void {
  /** By their connection, of which each has one at most. */
  const streams = new Map<Socket, Stream>();
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let last = clock.now();

  const tell = () => {
    timer = undefined;
    last = clock.now();
    const text = `event: changed\ndata: ${JSON.stringify({ what: [...changed] })}\n\n`;
    changed.clear();
    for (const { send } of streams.values()) send(text);
  };
  const note = (what: string) => {
    if (streams.size === 0) return;
    changed.add(what);
    timer ??= setTimeout(tell, GATHER);
  };
  const endOrphans = async () => {
    const ids = [...streams.values()].flatMap(({ token }) => token ?? []);
    if (ids.length === 0) return;
    const left = await tokensLeft(pool, ids);
    for (const { token, end } of streams.values()) if (token !== undefined && !left.has(token)) end();
  };
  const offs = Object.entries(ABOUT).map(([channel, what]) => hints.on(channel as Channel, () => note(what)));
  const alive = setInterval(() => {
    if (clock.now() - last >= ANYHOW_AFTER) note('all');
    else for (const { send } of streams.values()) send(': alive\n\n');
    endOrphans().catch((error: unknown) =>
      log.debug({ error: messageOf(error) }, 'the tokens of listeners could not be looked up'),
    );
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
      const headers = {
        ...NARROW,
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      };
      if (request.method === 'HEAD') {
        reply.headers(headers).send();
        return;
      }
      const { socket } = request.raw;
      refuse(socket);
      const { raw } = reply.hijack();
      // gone while its token was looked up: nothing more will be heard of it
      if (socket.destroyed) return;
      raw.writeHead(200, headers);
      const end = () => socket.destroy();
      const send = (text: string) => {
        // who does not read is cut off, and connects anew
        if (raw.writableLength > MOST_UNREAD) end();
        else raw.write(text);
      };
      streams.set(socket, { send, end, token: callerOf(request).id });
      // the answer may wait behind another one on its connection, and then is never told that it closed
      socket.once('close', () => streams.delete(socket));
      socket.setTimeout(0);
      send(`retry: 2000\nevent: changed\ndata: {"what":["all"]}\n\n`);
    },
  );

  function refuse(socket: Socket): void {
    if (streams.has(socket)) throw new HttpError(409, 'events: this connection listens already');
    if (streams.size >= MOST_STREAMS)
      throw new HttpError(
        503,
        `events: ${MOST_STREAMS} listen already, which is the most: ask /v1/status instead`,
      );
  }
}
