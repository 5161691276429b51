import { connect, type Socket } from 'node:net';
import type { Flood } from './measure.ts';

/** Connections from addresses that nobody registered, opened again where they are closed; `drive` is called for each when it is open. */
export function crowd(
  to: { host: string; port: number },
  count: number,
  drive: (socket: Socket) => void,
  what: string,
): Flood {
  const sockets = new Set<Socket>();
  let opened = 0;
  let stopped = false;
  const open = (number: number) => {
    if (stopped) return;
    const socket = connect({ ...to, localAddress: `127.0.7.${1 + (number % 250)}` });
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('connect', () => {
      opened++;
      drive(socket);
    });
    socket.on('close', () => {
      sockets.delete(socket);
      if (!stopped) setTimeout(() => open(number), 200);
    });
  };
  for (let number = 0; number < count; number++) open(number);
  return {
    done: () => `${count} ${what}, ${opened} connections opened`,
    stop: () => {
      stopped = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}
