/**
 * `npm run demo`: the whole road on real parts. A target moves three times, and a secondary follows; each step is
 * waited for and shown with its time. Exit status 0 when all of it happened, 1 when a step did not.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { firstAnswer, move, type Times } from './moves.ts';
import { Screen } from './screen.ts';
import { type Stage, setStage } from './stage.ts';
import { StepFailed } from './wait.ts';

const MOVES = 3;
const BETWEEN_MOVES = 2_700; // ms from one to the next; no multiple of the tick, so that they meet it at other times
const WHOLE_DEADLINE = 52_000; // ms; the rest of a minute is for stopping

class Interrupted extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

const ending = new AbortController();
const { signal } = ending;
const stops: { what: string; stop: () => unknown }[] = [];
const screen = new Screen((text) => process.stdout.write(text), hasColours());
const begun = performance.now();
let stage: Stage | undefined;

watchSignals();
const deadline = setTimeout(
  () =>
    ending.abort(
      new StepFailed('the whole demo', `it to be over within ${WHOLE_DEADLINE / 1000} s`, 'it is not'),
    ),
  WHOLE_DEADLINE,
).unref();

let status = 0;
try {
  await play();
} catch (error) {
  status = report(error);
}
clearTimeout(deadline);
await tidyUp();
if (status === 0)
  screen.line(`\nDone in ${((performance.now() - begun) / 1000).toFixed(1)} s; nothing is left behind.`);
process.exitCode = status;

async function play(): Promise<void> {
  screen.line(
    'Zoneferry: example.com. has an ALIAS at its apex. The target moves, and a secondary follows by itself.',
  );
  screen.heading('Set-up');
  stage = await setStage({ screen, signal, onStop: (what, stop) => stops.push({ what, stop }) });
  await firstAnswer(stage, screen, signal);
  const times: Times[] = [];
  for (let number = 1; number <= MOVES; number++) {
    const at = performance.now();
    times.push(await move(number, stage, screen, signal));
    if (number < MOVES)
      await pause(Math.max(500, BETWEEN_MOVES - (performance.now() - at)), undefined, { signal });
  }
  summarise(times, stage);
}

function summarise(times: readonly Times[], { secondary }: Stage): void {
  screen.heading(
    `${MOVES} moves, ${MOVES} serials, ${secondary.title} followed each: ms since the target moved`,
  );
  const ms = (value: number) => String(Math.round(value));
  screen.table(
    ['move', 'resolved', 'serial', 'NOTIFY', 'transfer', 'answered'],
    times.map((one, index) => [
      String(index + 1),
      ...[one.resolved, one.serial, one.notify, one.transfer, one.answered].map(ms),
    ]),
  );
  screen.line(
    '  Until "resolved" the look waits for its tick: every second here, every ten by default (RESYNC_CRON).',
  );
  screen.heading('How to go on');
  screen.command("alias zoneferry='npm run -s zoneferry --'", '# or "npm link", once');
  screen.command('npm start', '# the service, in a terminal of its own; its data stay in .zoneferry/');
  screen.command('zoneferry zone add example.com --primary ns1.example.com --contact hostmaster@example.com');
  screen.command('zoneferry record add example.com @ ALIAS myapp.cloudprovider.com');
  screen.command('zoneferry key add transfer-key');
  screen.command('zoneferry secondary add ns1 --address 192.0.2.53 --key transfer-key');
  screen.command('zoneferry secondary config ns1 --for nsd', '# or bind, knot, powerdns');
  screen.command('zoneferry zone export example.com', '# what secondaries get');
  screen.command('zoneferry status --watch');
  screen.line('  README.md tells the rest.');
}

/** One line for what went wrong, and what those concerned said last. Gives the exit status. */
function report(error: unknown): number {
  if (error instanceof Interrupted) {
    process.stderr.write(`\n${error.message}: cleaning up\n`);
    return error.status;
  }
  const lines = [`error: ${messageOf(error)}`];
  const complaints = stage?.overheard.complaints ?? [];
  if (complaints.length > 0) lines.push('the service said last:', ...complaints.map((line) => `  ${line}`));
  const said = stage?.secondary.log().split('\n').slice(-10).filter(Boolean) ?? [];
  if (stage && said.length > 0)
    lines.push(`${stage.secondary.title} said last:`, ...said.map((line) => `  ${line}`));
  process.stderr.write(`\n${lines.join('\n')}\n`);
  return 1;
}

/** Everything that was started, last first; one that does not stop doesn't keep the others. */
async function tidyUp(): Promise<void> {
  for (const { what, stop } of stops.splice(0).reverse()) {
    try {
      await stop();
    } catch (error) {
      process.stderr.write(`error: ${what} could not be stopped: ${messageOf(error)}\n`);
      status ||= 1;
    }
  }
}

/** A signal ends the demo in order. npm hands on the Ctrl-C that came already: further ones change nothing. */
function watchSignals(): void {
  const interrupt = (reason: Error) => {
    if (!signal.aborted) ending.abort(reason);
  };
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.on(name, () => interrupt(new Interrupted(name, 128 + number)));
  }
  process.on('uncaughtException', interrupt);
  // a reader that has enough, such as `head`
  process.stdout.on('error', () => interrupt(new Interrupted('nobody reads on', 1)));
  process.stderr.on('error', () => {});
}

function hasColours(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}
