import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { endsOf } from '../endpoint.ts';

/** A connection whose requests are being answered. */
interface Busy {
  socket: Socket;
  /** Where answers are written: over TLS the socket inside. */
  inner: Socket;
  answers: number;
}

/**
 * Bounds the connections to a server. Where all places are taken, the connection that has been without a whole request for longest
 * makes room, else the one that has not read its answer for longest, so that slow ones keep nobody out; where every one is being
 * answered and reads, the newest is closed.
 */
export function boundConnections(server: Server, most: number): void {
  /** Connections without a request under way, the one that rests longest first. */
  const resting = new Map<string, Socket>();
  /** In the order of their first request that is not answered yet. */
  const busy = new Map<string, Busy>();

  server.on('connection', (socket: Socket) => {
    const ends = endsOf(socket);
    if (resting.size + busy.size >= most) {
      const inTheWay = first(resting) ?? firstUnread(busy);
      if (inTheWay === undefined) {
        socket.destroy();
        return;
      }
      const [itsEnds, it] = inTheWay;
      resting.delete(itsEnds);
      busy.delete(itsEnds);
      it.destroy();
    }
    resting.set(ends, socket);
    socket.once('close', () => {
      if (resting.get(ends) === socket) resting.delete(ends);
      if (busy.get(ends)?.socket === socket) busy.delete(ends);
    });
  });
  server.on('request', (request, response) => {
    // over TLS the request knows the socket inside, whose ends are the same
    const ends = endsOf(request.socket);
    const socket = resting.get(ends);
    if (socket !== undefined) {
      resting.delete(ends);
      busy.set(ends, { socket, inner: request.socket, answers: 0 });
    }
    const entry = busy.get(ends);
    if (entry === undefined) return;
    entry.answers++;
    response.once('close', () => {
      if (--entry.answers > 0 || busy.get(ends) !== entry) return;
      busy.delete(ends);
      if (!entry.socket.destroyed) resting.set(ends, entry.socket);
    });
  });
}

function first(resting: Map<string, Socket>): [ends: string, socket: Socket] | undefined {
  const [entry] = resting;
  return entry;
}

/** The first connection whose other end leaves what is written to it unread. */
function firstUnread(busy: Map<string, Busy>): [ends: string, socket: Socket] | undefined {
  for (const [ends, { socket, inner }] of busy) if (inner.writableLength > 0) return [ends, socket];
  return undefined;
}
