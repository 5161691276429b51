import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { headerFlags, type Message } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { serialSoa } from '../../src/dns/query.ts';
import { MessageWriter } from '../../src/dns/writer.ts';
import { SerialCheck } from '../../src/notify/serial-check.ts';
import { until } from '../support/until.ts';
import { FakeSecondary } from './fake-secondary.ts';

const ZONE = absoluteName('example.com');
let secondary: FakeSecondary;
let check: SerialCheck;
afterEach(async () => {
  await check.stop();
  await secondary.close();
});

async function ask(shows: number | undefined, serial = 10): Promise<{ zone: string; serial: number }[]> {
  secondary = await FakeSecondary.start();
  secondary.reply = ({ message }) => [soaReply(message, shows)];
  const ahead: { zone: string; serial: number }[] = [];
  check = new SerialCheck({
    from: { ipv4: '127.0.0.1' },
    clock: { now: Date.now },
    onAhead: ({ zone, serial: shown }) => ahead.push({ zone, serial: shown }),
  });
  const row = { zone: 'example.com.', zoneWire: ZONE, serial, secondaryId: '1', address: secondary.endpoint };
  check.answered(row);
  check.answered(row);
  await until('a SOA query', async () => secondary.received.length > 0);
  await pause(100);
  check.answered(row);
  expect(secondary.received).toHaveLength(1);
  return ahead;
}

function soaReply(query: Message, serial: number | undefined): Buffer {
  const writer = new MessageWriter({ limit: 512 });
  writer.header({
    id: query.id,
    flags: headerFlags({ qr: true, aa: true, rcode: serial === undefined ? 5 : 0 }),
  });
  for (const question of query.questions) writer.question(question.wire);
  if (serial !== undefined) writer.record(ZONE, 6, 1, 3600, serialSoa(serial));
  return writer.finish();
}

test.each([
  [11, [{ zone: 'example.com.', serial: 11 }]],
  [10 + 2 ** 31, [{ zone: 'example.com.', serial: 10 + 2 ** 31 }]],
  [10, []],
  [9, []],
  [undefined, []],
])('a secondary notified of 10 that shows %s', async (shows, ahead) => {
  expect(await ask(shows)).toEqual(ahead);
});
