import { fork } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { axfr, soa } from '../../support/transfer-client.ts';
import { residentOctets, SECONDARY, type Stage, type Target, TOKEN, ZONE } from './stage.ts';

/** What an attacker is told. */
export interface FloodOrder {
  at: 'dns' | 'http' | 'tls';
  /** The flood, by its name there. */
  name: string;
  to: Target;
  /** Connections, or senders. */
  count: number;
}

/** A flood under way. */
export interface Flood {
  /** What it has done so far, in words. */
  done(): string;
  stop(): Promise<void> | void;
}

export type Kind = 'SOA over UDP' | 'SOA over TCP' | 'AXFR' | 'AXFR over TLS' | 'API';

export interface Measured {
  /** Milliseconds of each answer that those who may ask got, by what they asked. */
  answered: Partial<Record<Kind, number[]>>;
  /** What they did not get. */
  failed: string[];
  /** Octets. */
  memory: { before: number; peak: number; after: number };
  done: string;
}

/** Runs a flood, or none, and asks meanwhile as the registered secondary and as the API's user do. */
export async function measure(
  stage: Stage,
  order: Omit<FloodOrder, 'to'> | undefined,
  options: { forMs: number; timeoutMs?: number },
): Promise<Measured> {
  const measured: Measured = {
    answered: Object.fromEntries(Object.keys(questions(stage, 0)).map((kind) => [kind, []])),
    failed: [],
    memory: { before: residentOctets(stage.pid), peak: 0, after: 0 },
    done: '',
  };
  const { memory } = measured;
  const sampler = setInterval(() => {
    memory.peak = Math.max(memory.peak, residentOctets(stage.pid));
  }, 20);
  const stop =
    order === undefined
      ? async () => ''
      : await attack({ ...order, to: { dns: stage.dns, http: stage.http, tls: stage.tls } });
  try {
    const end = performance.now() + options.forMs;
    do {
      for (const [kind, ask] of Object.entries(questions(stage, options.timeoutMs ?? 10_000))) {
        const begun = performance.now();
        try {
          await ask();
          measured.answered[kind as Kind]?.push(performance.now() - begun);
        } catch (error) {
          measured.failed.push(`${kind}: ${String(error)}`);
        }
      }
      await pause(20);
    } while (performance.now() < end);
  } finally {
    measured.done = await stop();
    clearInterval(sampler);
  }
  await pause(500);
  memory.after = residentOctets(stage.pid);
  memory.peak = Math.max(memory.peak, memory.after);
  return measured;
}

/** Starts it in a process of its own; gives what ends it, and tells what it has done. */
async function attack(order: FloodOrder): Promise<() => Promise<string>> {
  const attacker = fork(fileURLToPath(new URL('./attacker.ts', import.meta.url)));
  attacker.send(order);
  await once(attacker, 'message');
  return async () => {
    attacker.send('stop');
    try {
      const [done] = await once(attacker, 'message', { signal: AbortSignal.timeout(30_000) });
      return String(done);
    } catch {
      return 'the attacker did not say';
    } finally {
      attacker.kill('SIGKILL');
    }
  };
}

function questions(
  { dns, http, tls, authority }: Stage,
  timeoutMs: number,
): Partial<Record<Kind, () => Promise<unknown>>> {
  const asked = { ...dns, zone: ZONE, localAddress: SECONDARY, timeoutMs };
  const good = async (transport: 'udp' | 'tcp', timeoutMs: number) => {
    const { rcode } = await soa({ ...asked, transport, timeoutMs });
    if (rcode !== 0) throw new Error(`rcode ${rcode}`);
  };
  // as secondaries do: a datagram that the kernel had no room for is sent again
  const again = async () => {
    for (const end = performance.now() + timeoutMs; ; )
      try {
        return await good('udp', 1_000);
      } catch (error) {
        if (performance.now() > end) throw error;
      }
  };
  return {
    'SOA over UDP': again,
    'SOA over TCP': () => good('tcp', timeoutMs),
    AXFR: () => axfr(asked),
    ...(tls && { 'AXFR over TLS': () => axfr({ ...asked, ...tls, tls: { ca: authority } }) }),
    API: () => status(http, authority, timeoutMs),
  };
}

function status(http: Stage['http'], ca: string | undefined, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = (ca === undefined ? request : secureRequest)(
      { ...http, ca, path: '/v1/zones', agent: false, headers: { authorization: `Bearer ${TOKEN}` } },
      (response) => {
        response.resume();
        response.on('error', reject);
        response.on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)),
        );
      },
    );
    asked.setTimeout(timeoutMs, () => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    asked.on('error', reject);
    asked.end();
  });
}
