import { connect, type Socket } from 'node:net';
import type { Flood } from './measure.ts';
import { type Target, TOKEN } from './stage.ts';

const AUTH = `Host: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\n`;

/** Connections to HTTP, opened again where they are closed. */
function crowd({ http }: Target, count: number, drive: (socket: Socket) => void, what: string): Flood {
  const sockets = new Set<Socket>();
  let opened = 0;
  let stopped = false;
  const open = (number: number) => {
    if (stopped) return;
    const socket = connect({ ...http, localAddress: `127.0.9.${1 + (number % 250)}` });
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('connect', () => {
      opened++;
      socket.resume();
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

const drip = (head: string, piece: string) => (socket: Socket) => {
  socket.write(head);
  const timer = setInterval(() => socket.write(piece), 300);
  socket.on('close', () => clearInterval(timer));
};

/** Floods of HTTP: by strangers, and by somebody with a token. */
export const httpFloods: Readonly<Record<string, (to: Target, count: number) => Promise<Flood>>> = {
  'silent connections': async (to, count) => crowd(to, count, () => {}, 'silent connections'),
  'headers line by line': async (to, count) =>
    crowd(
      to,
      count,
      drip('GET /v1/zones HTTP/1.1\r\nHost: x\r\n', 'X-More: 1\r\n'),
      'connections that drip headers',
    ),
  'a body octet by octet, without a token': async (to, count) =>
    crowd(
      to,
      count,
      drip(
        'POST /v1/zones HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n',
        ' ',
      ),
      'connections that drip a body',
    ),
  'chunks without end, with the token': async (to, count) =>
    crowd(
      to,
      Math.min(count, 20),
      (socket) => {
        socket.write(`POST /v1/zones HTTP/1.1\r\n${AUTH}Transfer-Encoding: chunked\r\n\r\n`);
        const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
        const pour = () => {
          while (!socket.destroyed && socket.write(chunk));
        };
        socket.on('drain', pour);
        pour();
      },
      'connections with bodies without end',
    ),
  'requests without a token': async (to, count) =>
    crowd(
      to,
      count,
      (socket) => socket.write('GET /v1/zones HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50), () => socket.end()),
      'connections with 50 requests each, again and again',
    ),
};
