import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { forgetShownSerial, noteShownSerial, readAhead, type ShownSerial } from '../store/ahead.ts';
import type { Pool } from '../store/pool.ts';
import { walkCommand } from '../zone/serial-walk.ts';

const QUIET = 60_000; // ms in which the same serial of the same secondary is noted once
const BREATH = 1_000; // ms in which none of it is noted twice, whatever it shows
const WAITING = 10_000; // events kept while the database is slow; a secondary that is ahead shows it again
const AGAIN = 5_000; // ms until what could not be written is tried again

/** Takes note of secondaries that are ahead of us, one after another, and says so. */
export class AheadWatch {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #known = new Map<string, { serial: number; at: number }>();
  readonly #waiting = new Map<string, () => Promise<void>>();
  readonly #retries = new Set<NodeJS.Timeout>();
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: { pool: Pool; log: Log; now: () => number }) {
    this.#pool = options.pool;
    this.#log = options.log;
    this.#now = options.now;
  }

  /** Learns who was ahead when the service stopped, to see when they are not any more. */
  async start(): Promise<void> {
    const { rows } = await readAhead(this.#pool, WAITING);
    for (const row of rows) this.#known.set(keyOf(row), { serial: row.serial, at: 0 });
  }

  /** A secondary has shown a serial newer than ours. */
  shown(event: ShownSerial): void {
    const key = keyOf(event);
    const last = this.#known.get(key);
    const now = this.#now();
    // a clock that was set back keeps nothing quiet
    if (last && last.at <= now && now - last.at < (last.serial === event.serial ? QUIET : BREATH)) return;
    this.#known.set(key, { serial: event.serial, at: now });
    this.#soon(key, () => this.#note(event));
  }

  /** The same, and returns when it is noted. */
  async noteNow(event: ShownSerial): Promise<void> {
    this.#known.set(keyOf(event), { serial: event.serial, at: this.#now() });
    await this.#note(event);
  }

  /** A secondary has taken a version of ours whole. */
  served({ zone, secondaryId }: { zone: string; secondaryId: string }): void {
    if (this.#known.size === 0) return;
    const key = keyOf({ zone, secondaryId });
    if (!this.#known.delete(key)) return;
    this.#soon(key, () => forgetShownSerial(this.#pool, zone, secondaryId));
  }

  /** Ends with what is under way; what waits is shown again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#retries) clearTimeout(timer);
    this.#waiting.clear();
    await this.#running;
  }

  async #note(event: ShownSerial): Promise<void> {
    const { zone, serial } = event;
    const noted = await noteShownSerial(this.#pool, event);
    if (noted.kind === 'not-ahead') {
      this.#known.delete(keyOf(event));
      return;
    }
    const fields = { zone, secondary: noted.secondary, serial, ours: noted.serial };
    const what = `${noted.secondary} has ${zone} at serial ${serial}, newer than ours, ${noted.serial}, and would take no change`;
    if (noted.kind === 'followed') this.#log.warn(fields, `${what}: publishing past it`);
    else this.#log.error(fields, `${what}; ${REASONS[noted.kind]}: ${walkCommand(zone, serial)}`);
  }

  #soon(key: string, work: () => Promise<void>): void {
    if (this.#waiting.size + this.#retries.size >= WAITING) {
      this.#known.delete(key);
      return;
    }
    this.#waiting.set(key, work);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    for (const [key, work] of this.#waiting) {
      this.#waiting.delete(key);
      await work().catch((error: unknown) => {
        if (this.#stopped) return;
        this.#log.warn(
          { error: messageOf(error) },
          'a serial newer than ours could not be noted; it is tried again in 5 s',
        );
        const timer = setTimeout(() => {
          this.#retries.delete(timer);
          this.#soon(key, work);
        }, AGAIN).unref();
        this.#retries.add(timer);
      });
    }
    this.#running = undefined;
  }
}

const REASONS = {
  far: 'it is too far to follow unasked',
  spent:
    'secondaries were followed too often or too far of late to follow it unasked, see whether it is mistaken',
} as const;

function keyOf({ zone, secondaryId }: { zone: string; secondaryId: string }): string {
  return `${secondaryId}/${zone}`;
}
