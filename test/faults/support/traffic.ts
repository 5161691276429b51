import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Upstream } from '../../support/upstream.ts';
import type { Sighting } from './checker.ts';
import type { Random } from './random.ts';

/** One zone, and what its operator knows of it. */
export interface Plot {
  zone: string;
  id: string;
  target: string;
  /** Where the target leads now. */
  address: string;
  /** The number of the last transaction that was sent, and that was confirmed. */
  sent: number;
  confirmed: number;
}

/**
 * What goes on while faults come: targets that move, and an operator's transactions. Each transaction writes its number at two names of
 * one zone, so that half of one shows; and the last that was confirmed has to be there in the end.
 */
export class Traffic {
  readonly counts = { edits: 0, failed: 0, moves: 0 };
  readonly plots: Plot[] = [];
  readonly upstream: Upstream;
  readonly #url: string;
  readonly #random: Random;
  #client: pg.Client | undefined;
  #running: Promise<unknown> | undefined;
  #stop = false;
  #step = 0;

  constructor(url: string, upstream: Upstream, random: Random) {
    this.#url = url;
    this.upstream = upstream;
    this.#random = random;
  }

  /** Makes the zones, each with a target of its own and some hosts. */
  async makeZones(count: number, hosts: number): Promise<void> {
    const client = await this.#connected();
    for (let number = 0; number < count; number++) {
      const zone = `z${number}.fault.test.`;
      const target = `t${number}.example.net.`;
      await client.query('begin');
      const { rows } = await client.query(
        'insert into zones (name, primary_ns, contact) values ($1, $2, $3) returning id',
        [zone, `ns1.${zone}`, `h@${zone}`],
      );
      const id = String(rows[0].id);
      await client.query(
        `insert into records (zone_id, name, type, content)
         select $1::bigint, name, type, content from unnest($2::text[], $3::text[], $4::text[]) as new (name, type, content)`,
        [
          id,
          [zone, zone, `left.${zone}`, `right.${zone}`, ...names(hosts, zone)],
          ['NS', 'ALIAS', 'TXT', 'TXT', ...names(hosts, zone).map(() => 'A')],
          [`ns1.${zone}`, target, '"0"', '"0"', ...names(hosts, zone).map((_, host) => addressOf(host))],
        ],
      );
      const plot = { zone, id, target, address: '', sent: 0, confirmed: 0 };
      this.plots.push(plot);
      this.move(plot);
      await client.query('commit');
    }
  }

  /** Goes on until `stop`; what fails is tried no further, as an operator's platform would have it. */
  start(): void {
    this.#stop = false;
    this.#running = Promise.all([this.#moves(), this.#edits()]);
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#running;
    this.#running = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#client?.end().catch(() => {});
  }

  /** One transaction on that zone. @throws where its end is not known */
  async edit(plot: Plot): Promise<void> {
    const client = await this.#connected();
    const number = ++plot.sent;
    try {
      await client.query('begin');
      await client.query(`update records set content = $2 where zone_id = $1::bigint and name = $3`, [
        plot.id,
        `"${number}"`,
        `left.${plot.zone}`,
      ]);
      await client.query(this.#another(plot));
      await client.query(`update records set content = $2 where zone_id = $1::bigint and name = $3`, [
        plot.id,
        `"${number}"`,
        `right.${plot.zone}`,
      ]);
      await client.query('commit');
      plot.confirmed = number;
      this.counts.edits++;
    } catch (error) {
      this.counts.failed++;
      this.#client = undefined;
      await client.end().catch(() => {});
      throw error;
    }
  }

  /** What is wrong with a content by itself: two names that were written together and differ. */
  judge(zone: string, { lines }: Sighting): string[] {
    const [left, right] = ['left', 'right'].map((name) => textAt(lines, `${name}.${zone}`));
    return left === right ? [] : [`torn: left has ${left}, right has ${right}`];
  }

  /** What is wrong with a content that is the last: something confirmed is not there, or something else is. */
  missing(plot: Plot, { lines }: Sighting): string[] {
    const wrong = [...this.judge(plot.zone, { serial: 0, lines })];
    const number = Number(textAt(lines, `left.${plot.zone}`));
    if (!(number >= plot.confirmed && number <= plot.sent))
      wrong.push(
        `${plot.zone} has transaction ${number}; ${plot.confirmed} was confirmed, ${plot.sent} was sent last`,
      );
    const hex = Buffer.from(plot.address.split('.').map(Number)).toString('hex');
    const found = addressesAt(lines, plot.zone);
    if (found.length !== 1 || !found[0]?.endsWith(` ${hex}`))
      wrong.push(`${plot.zone} has the addresses [${found}], its target ${plot.address}`);
    return wrong;
  }

  /** How far a content has come: its newest transaction, and the number of the move that its address is of. */
  reached(plot: Plot, { lines }: Sighting): { transaction: number; move: number } {
    const hex = addressesAt(lines, plot.zone)[0]?.split(' ').at(-1) ?? '';
    return {
      transaction: Number(textAt(lines, `left.${plot.zone}`)),
      move: Number.parseInt(hex.slice(-4), 16),
    };
  }

  async #edits(): Promise<void> {
    while (!this.#stop) {
      await this.edit(this.#random.pick(this.plots)).catch(() => pause(50));
      await pause(this.#random.whole(5, 60));
    }
  }

  async #moves(): Promise<void> {
    while (!this.#stop) {
      this.move(this.#random.pick(this.plots));
      await pause(this.#random.whole(50, 400));
    }
  }

  /** Has the target of that zone lead elsewhere. */
  move(plot: Plot): void {
    const step = ++this.#step;
    plot.address = `198.51.${(step >> 8) & 255}.${step & 255}`;
    this.upstream.set(plot.target, { A: [plot.address], ttl: 1 });
    this.counts.moves++;
  }

  /** What else a transaction does: a host comes, goes, or has another address; or the SOA changes. */
  #another(plot: Plot): { text: string; values: unknown[] } {
    const host = `h${this.#random.whole(0, 40)}.${plot.zone}`;
    const address = addressOf(this.#random.whole(0, 65_535));
    const what = this.#random.whole(0, 9);
    if (what === 0)
      return {
        text: 'update zones set refresh = $2 where id = $1::bigint',
        values: [plot.id, this.#random.whole(3600, 7200)],
      };
    if (what < 3)
      return {
        text: 'delete from records where zone_id = $1::bigint and name = $2',
        values: [plot.id, host],
      };
    return what < 6
      ? {
          text: `insert into records (zone_id, name, type, content) values ($1::bigint, $2, 'A', $3)`,
          values: [plot.id, host, address],
        }
      : {
          text: `update records set content = $3 where zone_id = $1::bigint and name = $2`,
          values: [plot.id, host, address],
        };
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client;
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: 3_000,
      query_timeout: 10_000,
    });
    client.on('error', () => {
      if (this.#client === client) this.#client = undefined;
    });
    await client.connect();
    this.#client = client;
    return client;
  }
}

const names = (count: number, zone: string) => Array.from({ length: count }, (_, host) => `h${host}.${zone}`);
const addressOf = (number: number) => `10.0.${number >> 8}.${number & 255}`;

const addressesAt = (lines: ReadonlySet<string>, name: string) =>
  [...lines].filter((line) => line.startsWith(`${name} `) && line.includes(' A '));

/** The text of the one TXT record at that name. */
function textAt(lines: ReadonlySet<string>, name: string): string | undefined {
  for (const line of lines) {
    const [owner, , type, hex = ''] = line.split(' ');
    if (owner === name && type === 'TXT') return Buffer.from(hex, 'hex').subarray(1).toString();
  }
  return undefined;
}
