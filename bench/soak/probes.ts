import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { formatRdata } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import { Asker } from '../../test/support/ask.ts';
import type { Secondary } from '../../test/support/secondaries/index.ts';
import type { Laid } from './zones.ts';

/** From the commit of an edit to the first answer of a secondary that has it. */
export class Probes {
  readonly #pool: pg.Pool;
  readonly #laid: Laid;
  readonly #secondaries: { kind: string; share: number; asker: Asker }[];
  readonly #timer: NodeJS.Timeout;
  readonly #underWay = new Set<Promise<void>>();
  /** Those that are probed now. */
  readonly #zones = new Set<number>();
  #times = new Map<string, number[]>();
  #turn = 0;
  #stopped = false;

  static async start(
    pool: pg.Pool,
    laid: Laid,
    secondaries: readonly { server: Secondary; share: number }[],
  ): Promise<Probes> {
    const askers = [];
    for (const { server, share } of secondaries)
      askers.push({ kind: server.kind, share, asker: await Asker.connect(server) });
    return new Probes(pool, laid, askers);
  }

  private constructor(
    pool: pg.Pool,
    laid: Laid,
    secondaries: { kind: string; share: number; asker: Asker }[],
  ) {
    this.#pool = pool;
    this.#laid = laid;
    this.#secondaries = secondaries;
    this.#timer = setInterval(() => {
      if (this.#underWay.size >= MOST) return;
      const probe = this.#probe()
        .catch(() => {})
        .then(() => {
          this.#underWay.delete(probe);
        });
      this.#underWay.add(probe);
    }, EVERY);
  }

  /** Milliseconds of each secondary since the last call; one that was not seen within the longest time counts with that. */
  take(): Map<string, number[]> {
    const times = this.#times;
    this.#times = new Map();
    return times;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped = true;
    await Promise.all(this.#underWay);
    for (const { asker } of this.#secondaries) asker.close();
  }

  /** One zone that all secondaries have. */
  async #probe(): Promise<void> {
    const most = Math.min(...this.#secondaries.map(({ share }) => share));
    const index = Math.floor(Math.random() * most);
    // the next one would take the place of what is looked for
    if (this.#zones.has(index)) return;
    this.#zones.add(index);
    try {
      await this.#probeIn(index);
    } finally {
      this.#zones.delete(index);
    }
  }

  async #probeIn(index: number): Promise<void> {
    const turn = this.#turn++;
    const address = `172.16.${(turn >> 8) % 256}.${turn % 256}`;
    await this.#pool.query('update records set content = $2 where id = $1::bigint', [
      this.#laid.probes[index],
      address,
    ]);
    const committed = performance.now();
    await Promise.all(
      this.#secondaries.map(async ({ kind, asker }) => {
        const name = `probe.${this.#laid.zones[index]}`;
        for (;;) {
          const reply = await asker.ask(name, TYPE.A, 1_000);
          const ms = performance.now() - committed;
          if (this.#stopped) return;
          const isThere = reply?.answers.some(({ type, rdata }) => formatRdata(type, rdata) === address);
          if (!isThere && ms < LONGEST) {
            await sleep(Math.min(200, 5 + ms / 20));
            continue;
          }
          const times = this.#times.get(kind) ?? [];
          this.#times.set(kind, times);
          times.push(ms);
          return;
        }
      }),
    );
  }
}

const EVERY = 500; // ms
const MOST = 100; // at once
const LONGEST = 600_000; // ms
