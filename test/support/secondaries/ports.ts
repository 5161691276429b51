import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * A port of that address on which UDP and TCP are both free. It lies below the ephemeral range, so that no outgoing
 * connection takes it between this look and the server's start.
 */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if ((await tcpFree(address, port)) && (await udpFree(address, port))) return port;
  }
  throw new Error(`no free port on ${address} after 200 tries`);
}

function tcpFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function udpFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
