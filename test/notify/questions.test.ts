import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { absoluteName } from '../../src/dns/name.ts';
import { silentLog } from '../../src/log.ts';
import { Sockets } from '../../src/notify/sockets.ts';
import { Questions } from '../../src/notify/verifier/questions.ts';
import type { SerialQuestion } from '../../src/store/ledger/questions.ts';
import { until } from '../support/until.ts';
import { LyingSecondary } from './lying-secondary.ts';

describe('the questions for serials', () => {
  const open: (() => unknown)[] = [];
  let silent: LyingSecondary;
  let answering: LyingSecondary;
  let waiting: SerialQuestion[];
  let ended: string[];
  let ahead: string[];
  let hint: () => void;

  beforeEach(async () => {
    silent = await LyingSecondary.start();
    silent.queryRcode = undefined;
    answering = await LyingSecondary.start();
    open.push(
      () => silent.close(),
      () => answering.close(),
    );
    [waiting, ended, ahead] = [[], [], []];
    const sockets = new Sockets({}, 1);
    const questions = new Questions({
      take: async (limit) => waiting.splice(0, limit),
      end: async (zoneIds) => void ended.push(...zoneIds),
      onHint: (callback) => {
        hint = callback;
        return () => {};
      },
      noteAhead: async ({ zone, serial }) => void ahead.push(`${zone} ${serial}`),
      sockets,
      clock: { now: Date.now },
      log: silentLog,
    });
    questions.start();
    open.push(
      () => questions.stop(),
      () => sockets.close(),
    );
  });

  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  const ask = (zone: string, ...secondaries: LyingSecondary[]) => {
    waiting.push({
      zoneId: zone,
      zone,
      zoneWire: absoluteName(zone),
      serial: 5,
      secondaries: secondaries.map(({ server }, index) => ({
        secondaryId: String(index),
        checkAt: [server.endpoint],
      })),
    });
    hint();
  };

  test('of one zone do not wait for the silent secondary of another', async () => {
    answering.serials.set('b.test.', 5);
    ask('a.test.', silent);
    await until('the silent one is asked', async () => silent.asked === 1);
    ask('b.test.', answering);
    await until('both are ended', async () => ended.length === 2);
    expect(ended).toEqual(['b.test.', 'a.test.']);
  });

  test('end after all who answer have answered, and a newer serial was noted', async () => {
    answering.serials.set('a.test.', 9);
    ask('a.test.', answering, silent);
    await until('it is ended', async () => ended.length === 1);
    expect(ahead).toEqual(['a.test. 9']);
  });

  test('of many zones are all ended', async () => {
    for (let zone = 0; zone < 1_500; zone++) {
      answering.serials.set(`z${zone}.test.`, 5);
      ask(`z${zone}.test.`, answering);
    }
    await until('all are ended', async () => ended.length === 1_500, {
      explain: () => `${ended.length} are`,
    });
    expect(new Set(ended).size).toBe(1_500);
  });
});
