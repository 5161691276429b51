import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import { crowd } from './crowd.ts';
import type { Flood } from './measure.ts';
import type { Target } from './stage.ts';

/** The beginning of a ClientHello of 512 octets, and nothing that makes sense. */
const HELLO = Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), Buffer.alloc(501)]);

/** Connections to both doors that speak TLS, half of them to each. */
async function both(
  { tls, http }: Target,
  count: number,
  drive: (socket: Socket) => void,
  what: string,
): Promise<Flood> {
  const floods = [tls ?? http, http].map((to) => crowd(to, Math.ceil(count / 2), drive, what));
  return {
    done: () => floods.map((flood) => flood.done()).join('; '),
    stop: () => {
      for (const flood of floods) flood.stop();
    },
  };
}

/** A handshake over a connection that is open; then this is done with it. */
function shake(socket: Socket, then: (secure: Socket) => void): void {
  const secure = connect({ socket, rejectUnauthorized: false, ALPNProtocols: ['dot', 'http/1.1'] }, () =>
    then(secure),
  );
  secure.on('error', () => socket.destroy());
}

/** Floods of both doors that speak TLS, by strangers. */
export const tlsFloods: Readonly<Record<string, (to: Target, count: number) => Promise<Flood>>> = {
  'handshakes never begun': (to, count) => both(to, count, () => {}, 'silent connections'),
  'a ClientHello octet by octet': (to, count) =>
    both(
      to,
      count,
      (socket) => {
        let sent = 0;
        const timer = setInterval(() => socket.write(HELLO.subarray(sent, ++sent)), 300);
        socket.on('close', () => clearInterval(timer));
      },
      'connections that drip',
    ),
  'a ClientHello, and gone': (to, count) =>
    both(
      to,
      count,
      (socket) => {
        shake(socket, () => {});
        setTimeout(() => socket.resetAndDestroy(), 5);
      },
      'connections reset in mid-handshake',
    ),
  'handshakes one after the other': (to, count) =>
    both(to, count, (socket) => shake(socket, () => socket.destroy()), 'handshakes again and again'),
  'handshakes, then silence': (to, count) =>
    both(
      to,
      count,
      (socket) => shake(socket, (secure) => secure.resume()),
      'connections that rest behind theirs',
    ),
  'what is no TLS': (to, count) =>
    both(
      to,
      count,
      (socket) => socket.write('GET / HTTP/1.1\r\n\r\n'.repeat(50)),
      'connections with plain HTTP',
    ),
};
