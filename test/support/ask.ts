import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Message, readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';

/** Asks one server over UDP, quickly and often: for measures, where starting a program a question would cost too much. */
export class Asker {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (reply: Message) => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes) => {
      const reply = readMessage(bytes);
      this.#waiting.get(reply.id)?.(reply);
    });
    socket.on('error', () => {});
  }

  static async connect(server: { address: string; port: number }): Promise<Asker> {
    const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4');
    socket.connect(server.port, server.address);
    await once(socket, 'connect');
    return new Asker(socket);
  }

  /** The reply, `undefined` after `timeoutMs` without one. */
  ask(name: string, type: number, timeoutMs = 500): Promise<Message | undefined> {
    const id = randomInt(65_536);
    return new Promise((resolve) => {
      const finish = (reply?: Message) => {
        clearTimeout(late);
        this.#waiting.delete(id);
        resolve(reply);
      };
      const late = setTimeout(finish, timeoutMs);
      this.#waiting.set(id, finish);
      this.#socket.send(buildQuery({ id, name: absoluteName(name), type }), () => {});
    });
  }

  close(): void {
    this.#socket.close();
  }
}
