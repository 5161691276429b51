import type { Clock } from '../clock.ts';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { UdpPool } from './udp-pool.ts';

/** Silences in a row after which an upstream has to stand behind the others. */
const SILENCES = 3;
/** Milliseconds that it stands there at first, and at most. */
const HOLD = 2_000;
const HOLD_MAX = 60_000;

/** One recursive resolver: its sockets, and what was learnt of it. */
export class Upstream {
  readonly endpoint: Endpoint;
  /** `ip:port`. */
  readonly text: string;
  readonly sockets: UdpPool;
  /** Whether it copies the question with its case; then the case of each question is random. */
  keepsCase = true;
  /** Replies in another case that TCP could not confirm, in a row. */
  caseDoubts = 0;
  /** Whether it understands OPT. */
  takesEdns = true;

  readonly #clock: Clock;
  #silences = 0;
  #hold = HOLD;
  #behindUntil = 0;

  constructor(endpoint: Endpoint, clock: Clock) {
    this.endpoint = endpoint;
    this.text = formatEndpoint(endpoint);
    this.sockets = new UdpPool({ remote: endpoint });
    this.#clock = clock;
  }

  /** Whether looks go to the others first. Asking ends the pause for one look, so that one alone finds out. */
  standsBehind(): boolean {
    if (this.#silences < SILENCES) return false;
    const now = this.#clock.now();
    // A clock that was set back must not prolong the pause.
    if (now < this.#behindUntil && this.#behindUntil - now <= HOLD_MAX) return true;
    this.#behindUntil = now + this.#hold;
    return false;
  }

  /** It gave a reply, whatever it said. */
  spoke(): void {
    this.#silences = 0;
    this.#hold = HOLD;
  }

  /** It gave none, or none that can be read. */
  wasSilent(): void {
    if (++this.#silences < SILENCES) return;
    this.#behindUntil = this.#clock.now() + this.#hold;
    this.#hold = Math.min(2 * this.#hold, HOLD_MAX);
  }
}
