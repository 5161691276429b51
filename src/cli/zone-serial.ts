import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import { walkPast } from '../store/ahead.ts';
import type { Pool } from '../store/pool.ts';
import { findZone } from '../store/zones.ts';
import { walkCommand } from '../zone/serial-walk.ts';
import { withDatabase } from './database.ts';
import { print, printJson } from './output.ts';
import { noZone } from './zone-show.ts';

const LOOK_EVERY = 100; // ms
const PUBLISHED_WITHIN = 5_000; // ms

export interface SerialOptions {
  after: number;
  /** Seconds to wait for the answers to the half-way serial. */
  wait: number;
  force?: boolean;
  json?: boolean;
}

/** Walks a zone's serial past another one, over the half-way serial where RFC 1982 wants it. */
export async function walk(name: string, options: SerialOptions): Promise<void> {
  const { from, serial, steps } = await withDatabase(({ pool }) => walkInSteps(pool, name, options));
  if (options.json) printJson({ zone: name, from, serial, steps });
  else if (steps.length === 0) print(`zone ${name} is at serial ${serial}, past ${options.after} already`);
  else print(`zone ${name} went from serial ${from} to ${steps.join(' and then to ')}`);
}

async function walkInSteps(
  pool: Pool,
  name: string,
  { after, wait, force = false, json = false }: SerialOptions,
): Promise<{ from: number; serial: number; steps: number[] }> {
  const steps: number[] = [];
  let from: number | undefined;
  const until = performance.now() + wait * 1000;
  for (;;) {
    const step = await walkPast(pool, name, after, { force });
    switch (step?.kind) {
      case undefined:
        throw noZone(name);
      case 'past':
        return { from: from ?? step.serial, serial: step.serial, steps };
      case 'unpublished':
        await published(pool, name, step.serial);
        break;
      case 'unanswered':
        if (performance.now() > until)
          throw new UserError(
            `zone ${name} is at serial ${step.serial}, half-way, and ${step.secondaries.join(', ')} has not answered it: ` +
              `whoever misses it follows no further. Repeat ${walkCommand(name, after)} when it has, or with --force`,
          );
        await sleep(LOOK_EVERY);
        break;
      case 'set':
        from ??= step.from;
        steps.push(step.serial);
        await published(pool, name, step.serial);
        if (step.next !== undefined && !json)
          print(
            `zone ${name} is at serial ${step.serial}, half-way; ${step.next} follows when it is answered`,
          );
    }
  }
}

async function published(pool: Pool, name: string, serial: number): Promise<void> {
  for (
    const until = performance.now() + PUBLISHED_WITHIN;
    performance.now() < until;
    await sleep(LOOK_EVERY)
  ) {
    const zone = await findZone(pool, name);
    if (zone?.publishedSerial === serial || zone?.serial !== serial) return;
  }
  throw new UserError(
    `serial ${serial} of zone ${name} is set and not published yet: does a worker run (zoneferry serve), and is the zone publishable (zoneferry zone show ${name})?`,
  );
}
