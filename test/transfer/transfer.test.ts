import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { renderRecords } from '../../src/transfer/rendering.ts';
import { ReplyMaker } from '../../src/transfer/reply.ts';
import { Transfer, type TransferCounts } from '../../src/transfer/transfer.ts';
import { MemoryZones, parseLines } from '../support/memory-zones.ts';

const NAME = absoluteName('example.com.');
const MESSAGE = renderRecords(NAME, parseLines(NAME, ['@ 300 A 192.0.2.1']))[0]!;

function make(at: (index: number) => ReturnType<typeof message>): {
  transfer: Transfer;
  settled: [TransferCounts, string | undefined][];
  closed: () => number;
} {
  const settled: [TransferCounts, string | undefined][] = [];
  let closed = 0;
  const transfer = new Transfer({
    stream: { zone: new MemoryZones().add('example.com.', []), at, close: () => closed++ },
    reply: new ReplyMaker(
      { header: { id: 1, opcode: 0, recursionDesired: false }, question: Buffer.alloc(NAME.length + 4) },
      systemClock,
    ),
    clock: systemClock,
    sourceMs: 100,
    onSettled: (counts, failure) => settled.push([counts, failure]),
  });
  return { transfer, settled, closed: () => closed };
}

function message(): typeof MESSAGE | undefined | Promise<typeof MESSAGE | undefined> {
  return MESSAGE;
}

describe('a transfer on its way', () => {
  it('hears of a failure that comes while a batch is being written', async () => {
    const { transfer } = make((index) => (index === 0 ? MESSAGE : Promise.reject(new Error('gone'))));
    const batches = transfer.batches();
    expect((await batches.next()).done).toBe(false);
    // The process would end here by an unhandled rejection.
    await pause(20);
    await expect(batches.next()).rejects.toThrow('gone');
  });

  it('gives what is there before it waits for more', async () => {
    const { transfer } = make((index) => (index < 3 ? MESSAGE : pause(30).then(() => undefined)));
    const batches = transfer.batches();
    expect((await batches.next()).value).toHaveLength(3 * 2);
    expect((await batches.next()).done).toBe(true);
  });

  it('does not wait for ever', async () => {
    const { transfer } = make(() => new Promise(() => {}));
    await expect(transfer.batches().next()).rejects.toThrow('took longer than 100 ms');
  });

  it('is settled once', () => {
    const { transfer, settled, closed } = make(message);
    transfer.settle('broken');
    transfer.settle();
    expect(settled).toMatchObject([[{ messages: 0 }, 'broken']]);
    expect(closed()).toBe(1);
  });
});
