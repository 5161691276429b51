import type { Clock } from '../clock.ts';
import { isTaken, type LegacyAlgorithm } from '../dns/tsig.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Question } from '../resolve/udp-pool.ts';
import { type Announcement, buildNotify, readAcknowledgement } from './message.ts';
import { Sockets, type SourceAddresses } from './sockets.ts';

export interface SenderOptions {
  from: SourceAddresses;
  clock: Clock;
  /** TSIG algorithms that are used beside those with SHA-2; default none. */
  legacyTsig?: readonly LegacyAlgorithm[];
}

export interface SendOptions {
  transport: 'udp' | 'tcp';
  /** Milliseconds to wait for the reply. */
  timeoutMs: number;
  signal?: AbortSignal;
}

export type SendResult = { kind: 'answered'; rcode: number } | { kind: 'silent'; error: string };

/** Sends one NOTIFY and waits for the reply to it. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #sockets: Sockets;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#sockets = new Sockets(options.from);
  }

  /** @throws the signal's reason when it is aborted */
  async send(announcement: Announcement, to: Endpoint, options: SendOptions): Promise<SendResult> {
    const algorithm = announcement.key?.algorithm;
    if (algorithm !== undefined && !isTaken(algorithm, this.#options.legacyTsig ?? [])) {
      const error = `not sent: its key has ${algorithm}, which is off: TSIG_LEGACY=${algorithm} turns it on`;
      return { kind: 'silent', error };
    }
    let mac: Buffer | undefined;
    let passedOver: string | undefined;
    const { clock } = this.#options;
    const question: Question<number> = {
      build: (id) => {
        const built = buildNotify(announcement, id, clock.now());
        mac = built.mac;
        return built.bytes;
      },
      accept: (bytes) => {
        const reply = readAcknowledgement(bytes, announcement, mac, clock);
        if (reply.kind === 'answered') return reply.rcode;
        passedOver = reply.why;
        return undefined;
      },
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    };
    const got = await this.#sockets.ask(to, options.transport, question);
    if (got.kind === 'reply') return { kind: 'answered', rcode: got.reply };
    const what = got.kind === 'timeout' ? `no reply within ${options.timeoutMs} ms` : got.detail;
    const unbelieved = passedOver === undefined ? '' : `; a reply was passed over: ${passedOver}`;
    return { kind: 'silent', error: `${options.transport.toUpperCase()}: ${what}${unbelieved}` };
  }

  /** Closes all sockets; what still waits is told so. May be called twice. */
  close(): void {
    this.#sockets.close();
  }
}
