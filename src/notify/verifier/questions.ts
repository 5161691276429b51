import type { Clock } from '../../clock.ts';
import { type Endpoint, formatEndpoint } from '../../endpoint.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { ShownSerial } from '../../store/ahead.ts';
import type { SerialQuestion } from '../../store/ledger/questions.ts';
import { aheadBy } from '../../zone/serial-walk.ts';
import type { Sockets } from '../sockets.ts';
import { askSerial } from './ask.ts';

/** Questions taken at once, and under way in all. */
const CLAIM = 200;
const MOST_ASKED = 1_000;
const POLL = 1_000;
/** Milliseconds to wait for a reply, as a change waits for it. */
const TIMEOUT = 1_000;
/** Milliseconds for which an address that did not answer is not asked again. */
const SILENT_FOR = 60_000;
const MOST_SILENT = 1_000;

export interface QuestionsOptions {
  take(limit: number): Promise<SerialQuestion[]>;
  /** The zones are done with. */
  end(zoneIds: readonly string[]): Promise<void>;
  onHint(callback: () => void): () => void;
  /** Takes note of a serial newer than ours, before the next is published. */
  noteAhead(shown: ShownSerial): Promise<void>;
  sockets: Sockets;
  clock: Clock;
  log: Log;
}

/** Asks secondaries for their serials where a publisher waits for it. */
export class Questions {
  readonly #options: QuestionsOptions;
  readonly #silent = new Map<string, number>();
  readonly #stop = new AbortController();
  #forgetHint: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #woken = false;
  readonly #underWay = new Set<Promise<void>>();
  #answered: string[] = [];
  #ending: Promise<void> | undefined;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#forgetHint = this.#options.onHint(() => this.#wake());
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#forgetHint?.();
    clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#underWay);
    await this.#ending;
  }

  #wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#woken = true;
    clearTimeout(this.#timer);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#timer = setTimeout(() => this.#wake(), POLL).unref();
    });
  }

  async #run(): Promise<void> {
    try {
      while (this.#woken && !this.#stop.signal.aborted) {
        this.#woken = false;
        const limit = Math.min(CLAIM, MOST_ASKED - this.#underWay.size);
        const questions = await this.#options.take(limit);
        if (questions.length === limit) this.#woken = true;
        for (const question of questions) this.#begin(question);
        // those whose secondaries answer don't wait for those that are silent
        if (this.#underWay.size >= MOST_ASKED) await Promise.race(this.#underWay);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #begin(question: SerialQuestion): void {
    const answer = this.#answer(question)
      .catch((error) => this.#failed(error))
      .finally(() => this.#underWay.delete(answer));
    this.#underWay.add(answer);
  }

  async #answer({ zoneId, zone, zoneWire, serial, secondaries }: SerialQuestion): Promise<void> {
    await Promise.all(
      secondaries.flatMap(({ secondaryId, checkAt }) =>
        checkAt.map(async (address) => {
          const shown = await this.#ask(address, zoneWire);
          if (shown !== undefined && aheadBy(shown, serial) > 0)
            await this.#options.noteAhead({ zone, secondaryId, serial: shown });
        }),
      ),
    );
    this.#answered.push(zoneId);
    this.#ending ??= this.#end();
    await this.#ending;
  }

  /** What is answered meanwhile goes together into the next statement. */
  async #end(): Promise<void> {
    try {
      while (this.#answered.length > 0) await this.#options.end(this.#answered.splice(0));
    } finally {
      this.#ending = undefined;
    }
  }

  #failed(error: unknown): void {
    if (!this.#stop.signal.aborted)
      this.#options.log.debug({ error: messageOf(error) }, 'serials could not be asked for');
  }

  async #ask(address: Endpoint, zone: Buffer): Promise<number | undefined> {
    const { sockets, clock } = this.#options;
    const key = formatEndpoint(address);
    const since = this.#silent.get(key);
    const now = clock.now();
    if (since !== undefined && since <= now && now - since < SILENT_FOR) return undefined;
    const said = await askSerial(sockets, address, zone, { timeoutMs: TIMEOUT, signal: this.#stop.signal });
    if (said.kind === 'silent') {
      if (this.#silent.size >= MOST_SILENT) this.#silent.clear();
      this.#silent.set(key, clock.now());
    } else this.#silent.delete(key);
    return said.kind === 'serial' ? said.serial : undefined;
  }
}
