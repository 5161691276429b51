import { registeredAt } from './registered.ts';
import type { Registry } from './source.ts';

/**
 * Who may ask just now. Registered addresses always; all others together so many times a second, as each of their requests ends in
 * a refusal, and refusing a flood would take the time of those who are to be served.
 */
export class Strangers {
  readonly #registry: Registry;
  readonly #rate: number;
  #left: number;
  #at = performance.now();

  /** @param rate requests of strangers a second, and at once after a rest */
  constructor(registry: Registry, rate: number) {
    this.#registry = registry;
    this.#rate = rate;
    this.#left = rate;
  }

  /** Whether nobody is registered with this plain address. */
  isStranger(address: string): boolean {
    return registeredAt(this.#registry.registrations(), address).length === 0;
  }

  /**
   * Whether a request from this plain address is to be looked at; counts it.
   *
   * @param cost as how many requests it counts
   */
  mayAsk(address: string, cost = 1): boolean {
    if (!this.isStranger(address)) return true;
    const now = performance.now();
    this.#left = Math.min(this.#rate, this.#left + ((now - this.#at) / 1_000) * this.#rate);
    this.#at = now;
    // a rate below the cost lets one through after a rest, a rate of none nobody
    const taken = Math.max(1, Math.min(cost, this.#rate));
    if (this.#left < taken) return false;
    this.#left -= taken;
    return true;
  }
}
