import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { endsOf } from '../endpoint.ts';

/**
 * Bounds the connections to a server. Where all places are taken, the connection that has been without a whole request for longest
 * makes room, so that slow ones keep nobody out; where every one is being answered, the newest is closed.
 */
export function boundConnections(server: Server, most: number): void {
  /** Connections without a request under way, the one that rests longest first. */
  const resting = new Map<string, Socket>();
  const busy = new Map<string, Socket>();

  server.on('connection', (socket: Socket) => {
    const ends = endsOf(socket);
    if (resting.size + busy.size >= most) {
      const [longest] = resting;
      if (longest === undefined) {
        socket.destroy();
        return;
      }
      resting.delete(longest[0]);
      longest[1].destroy();
    }
    resting.set(ends, socket);
    socket.once('close', () => {
      if (resting.get(ends) === socket) resting.delete(ends);
      if (busy.get(ends) === socket) busy.delete(ends);
    });
  });
  server.on('request', (request, response) => {
    // over TLS the request knows the socket inside, whose ends are the same
    const ends = endsOf(request.socket);
    const socket = resting.get(ends);
    if (socket === undefined) return;
    resting.delete(ends);
    busy.set(ends, socket);
    response.once('close', () => {
      if (busy.get(ends) !== socket) return;
      busy.delete(ends);
      if (!socket.destroyed) resting.set(ends, socket);
    });
  });
}
