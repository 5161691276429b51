import type { Socket } from 'node:net';
import { crowd } from './crowd.ts';
import type { Flood } from './measure.ts';
import { type Target, TOKEN } from './stage.ts';

const AUTH = `Host: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\n`;

const drip = (head: string, piece: string) => (socket: Socket) => {
  socket.resume();
  socket.write(head);
  const timer = setInterval(() => socket.write(piece), 300);
  socket.on('close', () => clearInterval(timer));
};

/** Floods of HTTP: by strangers, and by somebody with a token. */
export const httpFloods: Readonly<Record<string, (to: Target, count: number) => Promise<Flood>>> = {
  'silent connections': async ({ http }, count) => crowd(http, count, () => {}, 'silent connections'),
  'headers line by line': async ({ http }, count) =>
    crowd(
      http,
      count,
      drip('GET /v1/zones HTTP/1.1\r\nHost: x\r\n', 'X-More: 1\r\n'),
      'connections that drip headers',
    ),
  'a body octet by octet, without a token': async ({ http }, count) =>
    crowd(
      http,
      count,
      drip(
        'POST /v1/zones HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n',
        ' ',
      ),
      'connections that drip a body',
    ),
  'chunks without end, with the token': async ({ http }, count) =>
    crowd(
      http,
      Math.min(count, 20),
      (socket) => {
        socket.resume();
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
  'requests without a token': async ({ http }, count) =>
    crowd(
      http,
      count,
      (socket) => {
        socket.resume();
        socket.write('GET /v1/zones HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50), () => socket.end());
      },
      'connections with 50 requests each, again and again',
    ),
};
