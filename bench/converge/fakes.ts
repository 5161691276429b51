import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FakeReport } from './fake.ts';

export interface Fake {
  port: number;
  pid: number;
  report(): Promise<FakeReport>;
  /** Counts from here. */
  reset(): Promise<void>;
  stop(): void;
}

/** Starts a fake secondary in a process of its own. */
export async function startFake(): Promise<Fake> {
  const child = fork(fileURLToPath(new URL('fake.ts', import.meta.url)));
  const next = <T>() =>
    new Promise<T>((resolve) => child.once('message', (message) => resolve(message as T)));
  const ask = async (wish: 'reset' | 'report') => {
    const answer = next<{ report: FakeReport }>();
    child.send(wish);
    return (await answer).report;
  };
  const { port } = await next<{ port: number }>();
  return {
    port,
    pid: child.pid ?? 0,
    report: () => ask('report'),
    reset: async () => {
      await ask('reset');
    },
    stop: () => child.disconnect(),
  };
}
