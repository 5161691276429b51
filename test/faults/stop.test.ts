/** SIGTERM: transfers under way have a deadline, jobs are handed back, the exit status is 0; a second signal ends it at once. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { readMessage } from '../../src/dns/message.ts';
import { TYPE } from '../../src/dns/types.ts';
import { addResync } from '../support/queue.ts';
import { TestConnection } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';
import { axfrOf, BIG, bigZone } from './support/big-zone.ts';
import { LONG } from './support/fault.ts';
import { onStage } from './support/on-stage.ts';
import type { RoleProcess } from './support/role-process.ts';
import type { Stage } from './support/stage.ts';

const scenario = onStage(async () => ({
  processes: { serving: ['transfer'], 'worker-a': ['worker', 'scheduler'], 'worker-b': ['worker'] },
  secondaries: ['knot'],
}));
const TIMES = LONG ? 5 : 1;

const ended = (process: RoleProcess) =>
  until(`${process.name} has ended`, async () => !process.running, { deadlineMs: 60_000 });

/** A client that has the first message of the large zone, and reads no further. */
async function reader({ own }: Stage): Promise<TestConnection> {
  const connection = await TestConnection.open({
    host: '127.0.0.1',
    port: own[0]?.port ?? 0,
    timeoutMs: 60_000,
  });
  connection.send(axfrOf(BIG));
  await connection.receive();
  connection.socket.pause();
  return connection;
}

scenario('SIGTERM in mid-transfer: a reader that goes on gets all of it; exit status 0', async (stage) => {
  const serving = stage.process('serving');
  await bigZone(stage);
  for (let time = 0; time < TIMES; time++) {
    const connection = await reader(stage);
    serving.signal('SIGTERM');
    await pause(500);
    connection.socket.resume();
    let last = 0;
    for (;;) {
      const bytes = await connection.receive();
      if (bytes === undefined) break;
      last = readMessage(bytes).answers.at(-1)?.type ?? 0;
      if (last === TYPE.SOA) break;
    }
    expect(last, 'the SOA that ends it has come').toBe(TYPE.SOA);
    connection.destroy();
    await ended(serving);
    expect(serving.exit).toEqual({ status: 0, signal: null });
    await stage.revive();
  }
  return TIMES;
});

scenario('SIGTERM while a reader stands still: the deadline ends it; exit status 0', async (stage) => {
  const serving = stage.process('serving');
  await bigZone(stage);
  const connection = await reader(stage);
  serving.signal('SIGTERM');
  await ended(serving);
  connection.destroy();
  expect(serving.exit).toEqual({ status: 0, signal: null });
  return 1;
});

scenario('a second SIGTERM ends it at once', async (stage) => {
  await stage.revive();
  const serving = stage.process('serving');
  await bigZone(stage);
  const connection = await reader(stage);
  // its log has its earlier lives too
  const stops = () => serving.log().split('SIGTERM: stopping').length;
  const before = stops();
  serving.signal('SIGTERM');
  await until('it is stopping', async () => stops() > before);
  serving.signal('SIGTERM');
  await ended(serving);
  connection.destroy();
  expect(serving.exit).toEqual({ status: 143, signal: null });
  return 1;
});

scenario('SIGTERM of a worker with a job under way: another finishes it; exit status 0', async (stage) => {
  const { upstream, traffic, postgres } = stage;
  for (let time = 0; time < TIMES; time++) {
    const victim = stage.process(time % 2 === 0 ? 'worker-a' : 'worker-b');
    const other = stage.process(time % 2 === 0 ? 'worker-b' : 'worker-a');
    await other.stop();
    for (const { target } of traffic.plots) upstream.fail(target, 'timeout');
    const job = addResync(postgres.url, { zones: [traffic.plots[0]?.zone] });
    await pause(stage.random.whole(200, 700));
    victim.signal('SIGTERM');
    other.start();
    await ended(victim);
    expect(victim.exit).toEqual({ status: 0, signal: null });
    for (const { target } of traffic.plots) upstream.heal(target);
    expect(await job).toMatchObject({ targets: 1 });
    await stage.revive();
  }
  return TIMES;
});
