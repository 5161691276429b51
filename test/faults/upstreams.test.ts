/** Upstreams that are black, slow, lying, or answer with far too much. */
import { setTimeout as pause } from 'node:timers/promises';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { CLASS_IN, TYPE } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';
import { until } from '../support/until.ts';
import { LONG } from './support/fault.ts';
import { onStage } from './support/on-stage.ts';
import type { Stage } from './support/stage.ts';

const scenario = onStage(async () => ({
  processes: { serving: ['transfer', 'api'], working: ['worker', 'scheduler'] },
  secondaries: ['knot'],
  settings: { RESOLVE_TIMEOUT_MS: '500' },
}));
const LAST_MS = LONG ? 20_000 : 4_000;
const POISON = '203.0.113.66';
const POISON_HEX = 'cb007142';

/** Has every address that a zone loses, or gets from nowhere, be a violation while `during` runs. */
async function holds(stage: Stage, during: () => Promise<unknown>): Promise<void> {
  const { checker } = stage;
  const judge = checker.judge;
  checker.judge = (zone, sighting) => {
    const addresses = [...sighting.lines].filter(
      (line) => line.startsWith(`${zone} `) && line.includes(' A '),
    );
    const wrong = addresses.length === 0 ? ['its addresses are gone'] : [];
    if (addresses.some((line) => line.endsWith(POISON_HEX))) wrong.push('it has the poisoned address');
    return [...judge(zone, sighting), ...wrong];
  };
  try {
    await during();
    await pause(LAST_MS);
  } finally {
    checker.judge = judge;
  }
}

const targets = ({ traffic }: Stage) => traffic.plots.map(({ target }) => target);

scenario('every upstream is black', (stage) =>
  holds(stage, async () => {
    for (const target of targets(stage)) stage.upstream.fail(target, 'timeout');
    await pause(LAST_MS);
    for (const target of targets(stage)) stage.upstream.heal(target);
  }).then(() => 1),
);

scenario('every upstream is slow, some past the deadline', async (stage) => {
  const delays = [400, 900, 3_000];
  await holds(stage, async () => {
    for (const delay of delays) {
      stage.upstream.delay(delay);
      await pause(LAST_MS / delays.length);
    }
    stage.upstream.delay(0);
  });
  return delays.length;
});

scenario(
  'an upstream lies: wrong id, other question, garbage, a referral, a false answer first',
  async (stage) => {
    const lies = ['wrong-id', 'wrong-question', 'garbage', 'referral', 'servfail', 'refused'] as const;
    await holds(stage, async () => {
      for (const lie of lies) {
        for (const target of targets(stage)) stage.upstream.fail(target, lie);
        await pause(1_500);
      }
      for (const target of targets(stage)) stage.upstream.heal(target);
    });
    return lies.length;
  },
);

scenario('an upstream puts poison beside its answers', async (stage) => {
  let poisoned = 0;
  await holds(stage, async () => {
    stage.upstream.rewrite = (reply) => {
      poisoned++;
      return withPoison(reply, targets(stage));
    };
    await pause(LAST_MS);
    stage.upstream.rewrite = undefined;
  });
  return poisoned;
});

scenario('answers of 64 KiB over TCP, with thousands of addresses', async (stage) => {
  const many = Array.from({ length: 4_000 }, (_, index) => `198.18.${index >> 8}.${index & 255}`);
  const [plot] = stage.traffic.plots;
  if (plot === undefined) throw new Error('no zone');
  await stage.traffic.stop();
  stage.upstream.set(plot.target, { A: many, ttl: 1 });
  const before = stage.upstream.byTransport.tcp;
  await until('it is asked over TCP', async () => stage.upstream.byTransport.tcp > before + 1, {
    deadlineMs: 60_000,
  });
  await pause(LAST_MS);
  stage.traffic.move(plot);
  return stage.upstream.byTransport.tcp - before;
});

/** The same reply with address records in the authority and additional sections, for the name asked and for all targets. */
function withPoison(reply: Buffer, names: readonly string[]): Buffer {
  const message = readMessage(reply);
  const question = message.questions[0];
  if (question === undefined || message.tc) return reply;
  const writer = new MessageWriter({ limit: 4_096 });
  writer.header({ id: message.id, flags: message.flags });
  writer.question(question.wire);
  for (const { name, type, ttl, rdata } of message.answers) writer.record(name, type, CLASS_IN, ttl, rdata);
  const poison = Buffer.from(POISON.split('.').map(Number));
  // beside what was asked, in the answer itself, as other names
  writer.record(absoluteName('elsewhere.example.org'), TYPE.A, CLASS_IN, 1, poison);
  for (const section of ['authority', 'additional'] as const) {
    for (const name of names) writer.record(absoluteName(name), TYPE.A, CLASS_IN, 1, poison, section);
  }
  return writer.finish();
}
