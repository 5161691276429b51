import { isIPv6 } from 'node:net';
import type { Clock } from '../clock.ts';
import { readMessage } from '../dns/message.ts';
import { equalNames } from '../dns/name.ts';
import { buildQuery } from '../dns/query.ts';
import { soaSerial } from '../dns/rdata/index.ts';
import { compareSerial } from '../dns/serial.ts';
import { RCODE, TYPE } from '../dns/types.ts';
import type { Endpoint } from '../endpoint.ts';
import { UdpPool } from '../resolve/udp-pool.ts';

/** A NOTIFY that was answered, whose secondary is to be asked what it has. */
export interface Answered {
  zone: string;
  zoneWire: Buffer;
  serial: number;
  secondaryId: string;
  address: Endpoint;
}

export interface SerialCheckOptions {
  /** Source addresses, as for NOTIFY. */
  from: { readonly ipv4?: string; readonly ipv6?: string };
  clock: Clock;
  /** Told of a secondary that answers a serial newer than the one it was notified of. */
  onAhead(shown: { zone: string; secondaryId: string; serial: number }): void;
}

const AFTER = 2_000; // ms that a secondary has to take the new version
const AGAIN_AFTER = 30_000; // ms between two checks of a zone at one secondary
const TIMEOUT = 2_000; // ms to wait for its answer
const MOST_WAITING = 10_000;
const MOST_AT_ONCE = 64;

/**
 * Asks secondaries for their SOA a moment after they answered a NOTIFY. The answer to a NOTIFY proves nothing; and one that holds a
 * newer serial than ours, after a restore or a move from another primary, would ignore every version of ours without a word. BIND,
 * Knot and PowerDNS show their serial in no other way.
 */
export class SerialCheck {
  readonly #options: SerialCheckOptions;
  readonly #waiting = new Map<string, NodeJS.Timeout>();
  readonly #asked = new Map<string, number>();
  readonly #running = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: SerialCheckOptions) {
    this.#options = options;
  }

  /** A secondary answered a NOTIFY: it is asked soon, unless it was a moment ago. */
  answered(row: Answered): void {
    const key = `${row.secondaryId}/${row.zone}`;
    const now = this.#options.clock.now();
    const last = this.#asked.get(key);
    if (this.#stopped || this.#waiting.has(key) || this.#waiting.size >= MOST_WAITING) return;
    if (last !== undefined && now - last < AGAIN_AFTER) return;
    const timer = setTimeout(() => {
      this.#waiting.delete(key);
      if (this.#running.size >= MOST_AT_ONCE) return;
      this.#remember(key);
      const check = this.#check(row).finally(() => this.#running.delete(check));
      this.#running.add(check);
    }, AFTER).unref();
    this.#waiting.set(key, timer);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
    await Promise.all(this.#running);
  }

  async #check(row: Answered): Promise<void> {
    const { from } = this.#options;
    const pool = new UdpPool({
      remote: row.address,
      localAddress: isIPv6(row.address.ip) ? from.ipv6 : from.ipv4,
      sockets: 1,
    });
    try {
      const got = await pool.ask<number | 'none'>({
        build: (id) => buildQuery({ id, name: row.zoneWire, type: TYPE.SOA }),
        accept: (bytes) => serialIn(bytes, row.zoneWire),
        timeoutMs: TIMEOUT,
      });
      if (got.kind !== 'reply' || got.reply === 'none' || this.#stopped) return;
      const order = compareSerial(got.reply, row.serial);
      if (order === 'newer' || order === 'incomparable')
        this.#options.onAhead({ zone: row.zone, secondaryId: row.secondaryId, serial: got.reply });
    } catch {
      // nothing was learned; the next NOTIFY asks again
    } finally {
      pool.close();
    }
  }

  #remember(key: string): void {
    this.#asked.delete(key);
    this.#asked.set(key, this.#options.clock.now());
    if (this.#asked.size <= MOST_WAITING) return;
    const oldest = this.#asked.keys().next();
    if (!oldest.done) this.#asked.delete(oldest.value);
  }
}

/** The serial in a reply about this zone; `none` where it answers without one; undefined where it is no reply to our question. */
function serialIn(bytes: Buffer, zone: Buffer): number | 'none' | undefined {
  const reply = readMessage(bytes);
  const [question] = reply.questions;
  if (!reply.qr || (question && !equalNames(question.name, zone))) return undefined;
  if (reply.rcode !== RCODE.NOERROR) return 'none';
  const soa = reply.answers.find((record) => record.type === TYPE.SOA && equalNames(record.name, zone));
  return soa ? soaSerial(soa.rdata) : 'none';
}
