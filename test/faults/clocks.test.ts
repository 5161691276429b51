/** Clocks are set, forward and back, while all goes on: of our processes, of PostgreSQL, and across the midnight of serials that are dates. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, test } from 'vitest';
import { contentOf } from '../support/journal.ts';
import { OwnPostgres } from '../support/own-postgres.ts';
import { until } from '../support/until.ts';
import { LONG } from './support/fault.ts';
import { onStage } from './support/on-stage.ts';
import { clocksCanBeSet, SetClock } from './support/set-clock.ts';
import { logs } from './support/settle.ts';
import type { Stage } from './support/stage.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;
/** Milliseconds that a clock is ahead, one after the other; the last is right again. */
const JUMPS = LONG
  ? [
      5 * SECOND,
      0,
      -3 * HOUR,
      HOUR,
      -40 * SECOND,
      3 * 365 * DAY,
      -2 * DAY,
      20 * HOUR,
      20 * HOUR - 7 * 60 * SECOND,
      0,
    ]
  : [-3 * HOUR, 400 * DAY, 0];

if (clocksCanBeSet) scenarios();
else test.skip('the library of faketime, which sets the clock of one process, is not installed');

function scenarios(): void {
  const clocks: Record<string, SetClock> = {};
  const clockOf = (name: string) => {
    const clock = clocks[name];
    if (clock === undefined) throw new Error(`no clock ${name}`);
    return clock;
  };
  const scenario = onStage(async () => {
    for (const name of ['serving', 'working', 'postgres']) clocks[name] ??= await SetClock.make();
    return {
      processes: { serving: ['transfer', 'api'], working: ['worker', 'scheduler'], another: ['transfer'] },
      environments: { serving: clockOf('serving').environment, working: clockOf('working').environment },
      // by age the whole journal goes where the clock is years ahead
      settings: { JOURNAL_DAYS: '3650' },
      secondaries: LONG ? ['bind', 'nsd', 'knot', 'powerdns'] : ['knot'],
      postgres: await OwnPostgres.start({}, undefined, clockOf('postgres').environment),
    };
  });
  afterAll(() => Promise.all(Object.values(clocks).map((clock) => clock.close())));

  /** Sets those clocks to each of the jumps, and sees after each that edits and moves still get through. */
  const jump = async (stage: Stage, names: readonly string[]) => {
    for (const ahead of JUMPS) {
      await pause(stage.random.whole(500, 2_500));
      await Promise.all(names.map((name) => clockOf(name).set(ahead)));
      await goesOn(stage);
    }
    return JUMPS.length * names.length;
  };

  scenario('the clock of the transfer process is set forward and back', (stage) => jump(stage, ['serving']));
  scenario('the clock of the worker and the scheduler is set forward and back', (stage) =>
    jump(stage, ['working']),
  );
  scenario("PostgreSQL's clock is set forward and back", (stage) => jump(stage, ['postgres']));
  scenario('the clock of a machine with all of it is set forward and back', (stage) =>
    jump(stage, ['serving', 'working', 'postgres']),
  );

  scenario('midnight passes, and comes again, where serials are dates', async (stage) => {
    await stage.operator.query(`update zones set serial_policy = 'date'`);
    const all = ['serving', 'working', 'postgres'].map(clockOf);
    const set = (ahead: number) => Promise.all(all.map((clock) => clock.set(ahead)));
    // the midnight after next, as serials of today may have been given already
    const midnight = Math.ceil(Date.now() / DAY) * DAY + DAY;
    const today = dateSerial(midnight - DAY);
    try {
      await set(midnight - 3 * SECOND - Date.now());
      await serialsOf(stage, (serial) => serial >= today && serial < today + 100);
      await serialsOf(stage, (serial) => serial >= dateSerial(midnight));
      // and back: what was told is never taken back
      await set(midnight - 2 * SECOND - Date.now());
      await goesOn(stage);
      await serialsOf(stage, (serial) => serial >= dateSerial(midnight));
      await set(-2 * DAY);
      await goesOn(stage);
      await serialsOf(stage, (serial) => serial >= dateSerial(midnight));
    } finally {
      await set(0);
      await stage.operator.query(`update zones set serial_policy = 'increment'`);
    }
    return 4;
  });
}

/** Waits until transactions and moves of after this call are published. */
async function goesOn(stage: Stage): Promise<void> {
  const { traffic } = stage;
  const moves = traffic.counts.moves;
  for (const plot of traffic.plots) {
    const { sent } = plot;
    let reached = { transaction: 0, move: 0 };
    await until(
      `${plot.zone} goes on after transaction ${sent} and move ${moves}`,
      async () => {
        reached = traffic.reached(plot, await contentOf(stage, plot.id));
        return reached.transaction > sent && reached.move > moves;
      },
      {
        deadlineMs: 90_000,
        everyMs: 100,
        explain: () => `it is at ${JSON.stringify(reached)}\n${logs(stage)}`,
      },
    );
  }
}

async function serialsOf({ traffic, checker, own }: Stage, is: (serial: number) => boolean): Promise<void> {
  const server = own[0]?.name ?? '';
  for (const { zone } of traffic.plots)
    await until(`${zone} has a serial of that day`, async () => is(checker.shown(server, zone) ?? 0), {
      deadlineMs: 60_000,
      explain: () => `${checker.shown(server, zone)}`,
    });
}

/** The first serial of that day in UTC: YYYYMMDD00. */
function dateSerial(time: number): number {
  return Number(new Date(time).toISOString().slice(0, 10).replaceAll('-', '')) * 100;
}
