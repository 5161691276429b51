import { connect } from 'node:net';
import { FrameReader, frame } from '../dns/framer.ts';
import type { Endpoint } from '../endpoint.ts';
import { messageOf } from '../errors.ts';
import { onAbort } from './aborts.ts';
import { randomId } from './random.ts';
import type { Exchange, Question } from './udp-pool.ts';

/** Messages that are not the reply, after which the peer is given up. */
const MOST_STRANGERS = 16;

/**
 * One question over a TCP connection of its own (RFC 7766). Gives `unreachable` also for a connection that is closed
 * without the reply, or that carries no DNS.
 *
 * @throws the signal's reason when it is aborted
 */
export function askOverTcp<T>(
  remote: Endpoint,
  question: Question<T>,
  localAddress?: string,
): Promise<Exchange<T>> {
  const { signal } = question;
  signal?.throwIfAborted();
  const id = randomId();
  return new Promise((resolve, reject) => {
    const frames = new FrameReader();
    let strangers = 0;
    const socket = connect({
      host: remote.ip,
      port: remote.port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const settle = (act: () => void) => {
      clearTimeout(timer);
      forget();
      socket.destroy();
      act();
    };
    const unreachable = (detail: string) => settle(() => resolve({ kind: 'unreachable', detail }));
    const abort = () => settle(() => reject(signal?.reason));
    const timer = setTimeout(() => settle(() => resolve({ kind: 'timeout' })), question.timeoutMs);
    const forget = onAbort(signal, abort);
    socket.on('connect', () => socket.write(frame(question.build(id))));
    socket.on('error', (error) => unreachable(messageOf(error)));
    socket.on('close', () => unreachable('the connection was closed without a reply'));
    socket.on('data', (chunk) => {
      try {
        for (const bytes of frames.push(chunk)) {
          const reply = bytes.readUInt16BE(0) === id ? question.accept(bytes) : undefined;
          if (reply !== undefined) return settle(() => resolve({ kind: 'reply', reply }));
          if (++strangers === MOST_STRANGERS) return unreachable('other messages came in place of the reply');
        }
      } catch (error) {
        unreachable(messageOf(error));
      }
    });
  });
}
