import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Whether redis-server is installed; on CI it has to be. */
export const redisInstalled = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis of a test's own, in memory alone, on a free loopback port. */
export class TestRedis {
  readonly port: number;
  readonly url: string;
  #child: ChildProcess | undefined;

  constructor(port: number) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  static async start(): Promise<TestRedis> {
    const redis = new TestRedis(await freePort());
    await redis.start();
    return redis;
  }

  async start(): Promise<void> {
    const parameters = ['--port', this.port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'].map(
      String,
    );
    this.#child = spawn('redis-server', parameters, { stdio: 'ignore', cwd: '/tmp' });
    for (let tries = 0; tries < 200; tries++) {
      if (await this.command('ping').catch(() => undefined)) return;
      await sleep(25);
    }
    throw new Error('redis-server does not answer');
  }

  /** Runs one command on a connection of its own. */
  async command(name: string, ...parameters: string[]): Promise<unknown> {
    const client = new Redis(this.url, {
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.call(name, ...parameters);
    } finally {
      client.disconnect();
    }
  }

  /** SIGSTOP lets it hang, SIGCONT go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
