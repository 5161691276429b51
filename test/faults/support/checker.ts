import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { soaSerial } from '../../../src/dns/rdata/index.ts';
import { compareSerial, isNewer } from '../../../src/dns/serial.ts';
import { TYPE } from '../../../src/dns/types.ts';
import { Asker } from '../../support/ask.ts';
import { lineOf } from '../../support/journal.ts';
import type { Secondary } from '../../support/secondaries/index.ts';
import { axfr } from '../../support/transfer-client.ts';

/** One that answers for the zones: a secondary, or a process of our own. */
export interface Watched {
  name: string;
  address: string;
  port: number;
  /** Gives transfers without AA, as Knot DNS does. */
  withoutAa?: boolean;
  /** Its processes of before and after a reload answer side by side for a moment, as those of NSD do. */
  wavers?: boolean;
}

export interface Sighting {
  serial: number;
  lines: ReadonlySet<string>;
}

interface Known {
  digest: string;
  lines: ReadonlySet<string>;
  from: string;
}

const EVERY_MS = 60;
/** A server that wavers shows nothing that it had gone past so long ago. */
const WAVERS_MS = 15_000;
/** Contents that are kept in full, to tell what differs. */
const KEPT_IN_FULL = 30;

/**
 * Asks every server for every zone again and again, whatever happens to them, and writes down what must never be: a serial that goes
 * back, a serial that stands for two contents, a content that is torn. What gives no answer is no violation.
 */
export class Checker {
  readonly violations: string[] = [];
  readonly counts = { serials: 0, contents: 0, versions: 0, notifies: 0 };
  /** What is wrong with a content by itself, as that it holds half of a transaction. */
  judge: (zone: string, sighting: Sighting) => string[] = () => [];
  /**
   * Called before a process of our own is asked; tells afterwards whether its answer may be older than a NOTIFY: one that PostgreSQL doesn't
   * answer doesn't know of it, and has to say so.
   */
  watchAway: (server: string) => () => Promise<boolean> = () => async () => false;
  readonly #zones: readonly string[];
  readonly #servers = new Map<string, { at: Watched; loop: Promise<void> }>();
  /** Highest serial shown, by server and zone. */
  readonly #shown = new Map<string, number>();
  /** By zone, then serial. */
  readonly #known = new Map<string, Map<number, Known>>();
  /** What servers that waver had shown, the newest last, with when they first did, by server and zone. */
  readonly #steps = new Map<string, { serial: number; at: number }[]>();
  #stopped = false;

  constructor(zones: readonly string[]) {
    this.#zones = zones;
    for (const zone of zones) this.#known.set(zone, new Map());
  }

  watch(server: Watched): void {
    const watching = { at: server, loop: Promise.resolve() };
    this.#servers.set(server.name, watching);
    watching.loop = this.#sample(server);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#servers.values()].map(({ loop }) => loop));
  }

  /** The serial that this server shows now; undefined: none. Judged as every other. */
  async serial(asker: Asker, server: Watched, zone: string): Promise<number | undefined> {
    const before = this.shown(server.name, zone);
    const reply = await asker.ask(zone, TYPE.SOA);
    const record = reply?.answers.find(({ type }) => type === TYPE.SOA);
    if (record === undefined) return undefined;
    const serial = soaSerial(record.rdata);
    this.counts.serials++;
    this.sawSerial(server.name, zone, serial, before);
    return serial;
  }

  /** The zone as this server gives it whole. Judged as every other. */
  async content(server: Watched, zone: string): Promise<Sighting> {
    const before = this.shown(server.name, zone);
    const { result } = await axfr({
      host: server.address,
      port: server.port,
      zone,
      withoutAa: server.withoutAa === true,
      timeoutMs: 20_000,
    });
    if (result.kind !== 'axfr') throw new Error(`${server.name} gave ${zone} as ${result.kind}`);
    const sighting = { serial: soaSerial(result.soa.rdata), lines: new Set(result.records.map(lineOf)) };
    this.counts.contents++;
    this.sawContent(server.name, zone, sighting);
    this.sawSerial(server.name, zone, sighting.serial, before);
    return sighting;
  }

  /** The newest serial that this server has shown. */
  shown(server: string, zone: string): number | undefined {
    return this.#shown.get(`${server} ${zone}`);
  }

  /** `before`: what it had shown when it was asked, as answers to questions at once may come in any order. */
  sawSerial(server: string, zone: string, serial: number, before: number | undefined): void {
    const key = `${server} ${zone}`;
    const shown = this.#shown.get(key);
    const isStep = shown === undefined || isNewer(serial, shown);
    if (isStep) this.#shown.set(key, serial);
    const mayWaver = this.#servers.get(server)?.at.wavers === true;
    const least = mayWaver ? this.#gonePast(key, isStep ? serial : undefined) : before;
    if (before === undefined || least === undefined) return;
    if (!['equal', 'newer'].includes(compareSerial(serial, least)))
      this.#violated(`${server}: the serial of ${zone} went back from ${before} to ${serial}`);
  }

  /** What it had reached before it may waver from there; with `step`, it reaches that now. */
  #gonePast(key: string, step: number | undefined): number | undefined {
    const now = performance.now();
    const steps = [
      ...(this.#steps.get(key) ?? []),
      ...(step === undefined ? [] : [{ serial: step, at: now }]),
    ];
    while (steps[1] !== undefined && now - steps[1].at > WAVERS_MS) steps.shift();
    this.#steps.set(key, steps);
    return steps[0]?.serial;
  }

  sawContent(server: string, zone: string, sighting: Sighting): void {
    const { serial, lines } = sighting;
    for (const words of this.judge(zone, sighting)) this.#violated(`${server}: ${zone} ${serial}: ${words}`);
    const digest = createHash('sha256')
      .update([...lines].sort().join('\n'))
      .digest('hex');
    const versions = this.#known.get(zone) ?? new Map<number, Known>();
    const known = versions.get(serial);
    if (known === undefined) {
      versions.set(serial, { digest, lines, from: server });
      this.counts.versions++;
      const old = [...versions.keys()].at(-1 - KEPT_IN_FULL);
      const aged = old === undefined ? undefined : versions.get(old);
      if (aged) aged.lines = new Set();
    } else if (known.digest !== digest)
      this.#violated(
        `${zone} ${serial} is one content at ${known.from} and another at ${server}: ${difference(known.lines, lines)}`,
      );
  }

  /** A NOTIFY was sent: from now on every process of our own answers with that serial or a newer one. */
  async notified(zone: string, serial: number, own: readonly Watched[]): Promise<void> {
    this.counts.notifies++;
    for (const server of own) {
      const asker = await Asker.connect(server);
      try {
        const wasAway = this.watchAway(server.name);
        const answer = await this.serial(asker, server, zone);
        if (answer !== undefined && isNewer(serial, answer) && !(await wasAway()))
          this.#violated(`${server.name}: answered ${answer} for ${zone} after NOTIFY of ${serial}`);
      } finally {
        asker.close();
      }
    }
  }

  async #sample(server: Watched): Promise<void> {
    const asker = await Asker.connect(server);
    const taken = new Map<string, number>();
    try {
      while (!this.#stopped) {
        for (const zone of this.#zones) {
          const serial = await this.serial(asker, server, zone).catch(() => undefined);
          if (serial === undefined || taken.get(zone) === serial || this.#stopped) continue;
          // a server that goes away meanwhile, or is to be asked more slowly, is asked again
          const sighting = await this.content(server, zone).catch(() => undefined);
          if (sighting !== undefined) taken.set(zone, sighting.serial);
        }
        await pause(EVERY_MS);
      }
    } finally {
      asker.close();
    }
  }

  #violated(words: string): void {
    if (this.violations.length < 100) this.violations.push(`${new Date().toISOString()} ${words}`);
  }
}

export function asWatched({ kind, address, port }: Secondary): Watched {
  return { name: kind, address, port, withoutAa: kind === 'knot', wavers: kind === 'nsd' };
}

function difference(one: ReadonlySet<string>, other: ReadonlySet<string>): string {
  if (one.size === 0) return 'its records are no longer kept';
  const only = [...one].filter((line) => !other.has(line)).map((line) => `-${line}`);
  const more = [...other].filter((line) => !one.has(line)).map((line) => `+${line}`);
  return [...only, ...more].slice(0, 8).join('; ');
}
