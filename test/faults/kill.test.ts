/** `kill -9` of any of our processes, at moments of chance. */
import { setTimeout as pause } from 'node:timers/promises';
import { fault, LONG } from './support/fault.ts';
import { APART, openStage, type Stage, WHOLE } from './support/stage.ts';

/** Kills one after the other, or all at once; each comes again after a moment. How often. */
async function kill(stage: Stage, times: number): Promise<number> {
  const { random, processes } = stage;
  let killed = 0;
  while (killed < times) {
    const victims = random.next() < 0.2 ? processes : [random.pick(processes)];
    await pause(random.whole(0, 1_000));
    await Promise.all(victims.map((process) => process.kill()));
    killed += victims.length;
    await pause(random.whole(0, 400));
    for (const process of victims) process.start();
    // some are killed again while they start
    if (random.next() < 0.7) await stage.revive();
  }
  return killed;
}

fault('kill -9 of transfer, worker and scheduler, each a process', async (random) => {
  const stage = await openStage({
    random,
    processes: APART,
    secondaries: LONG ? ['bind', 'nsd', 'knot', 'powerdns'] : ['bind', 'knot'],
  });
  try {
    stage.traffic.start();
    const injected = await kill(stage, LONG ? 60 : 5);
    return { injected, checked: await stage.settle() };
  } finally {
    await stage.close();
  }
});

fault('kill -9 of the whole service', async (random) => {
  const stage = await openStage({ random, processes: WHOLE, secondaries: ['nsd', 'bind'] });
  try {
    stage.traffic.start();
    const injected = await kill(stage, LONG ? 60 : 5);
    return { injected, checked: await stage.settle() };
  } finally {
    await stage.close();
  }
});
