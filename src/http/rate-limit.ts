import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';
import { HttpError } from './errors.ts';

/** Seconds of its rate that a caller may use at once after a rest. */
const BURST = 10;
const MOST_CALLERS = 10_000;

interface Bucket {
  left: number;
  /** Milliseconds, by the clock. */
  at: number;
}

/** Bounds the requests of each caller: of each token, and of each address without one. Nobody's flood uses up what another may ask. */
export class RateLimit {
  readonly #rate: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  /** @param rate requests a second; 0: no bound */
  constructor(rate: number, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /**
   * Counts one request.
   *
   * @throws HttpError 429 where the caller has none left, with the time after which there is one
   */
  take(caller: string): void {
    if (this.#rate === 0) return;
    const now = this.#clock.now();
    const full = this.#rate * BURST;
    const bucket = this.#buckets.get(caller) ?? this.#add(caller, { left: full, at: now });
    bucket.left = Math.min(full, bucket.left + (Math.max(0, now - bucket.at) / 1_000) * this.#rate);
    bucket.at = now;
    if (bucket.left < 1) {
      const wait = Math.ceil((1 - bucket.left) / this.#rate);
      throw new HttpError(
        429,
        `rate: more than ${this.#rate} requests a second (API_RATE): try again in ${wait} s`,
        wait,
      );
    }
    bucket.left--;
  }

  #add(caller: string, bucket: Bucket): Bucket {
    // the oldest goes, and begins anew with a full one: a flood from many addresses is for a firewall
    if (this.#buckets.size >= MOST_CALLERS) this.#buckets.delete(this.#buckets.keys().next().value ?? '');
    this.#buckets.set(caller, bucket);
    return bucket;
  }
}

/** What counts as one caller by its address: itself, or of IPv6 the /64, in which one machine may take any. */
export function networkOf(address: string): string {
  const plain = address.split('%', 1)[0] ?? address;
  if (isIP(plain) !== 6 || plain.startsWith('::ffff:')) return plain;
  const [head = '', tail] = plain.split('::', 2);
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - front.length - back.length;
  return `${[...front, ...Array<string>(missing).fill('0'), ...back].slice(0, 4).join(':')}::/64`;
}
