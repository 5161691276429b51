/** Octets of waiting requests after which no more are read: a request has some sixty, and seldom over a few hundred. */
const MOST_OCTETS = 65_536;

/** The requests of one connection that wait for their turn. */
export class RequestQueue {
  readonly #most: number;
  #waiting: Buffer[] = [];
  #octets = 0;

  /** @param most requests after which no more are read */
  constructor(most: number) {
    this.#most = most;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Whether there are many, or few that are long: what is held for a peer is bounded by both. */
  get isFull(): boolean {
    return this.#waiting.length >= this.#most || this.#octets >= MOST_OCTETS;
  }

  push(request: Buffer): void {
    this.#waiting.push(request);
    this.#octets += request.length;
  }

  shift(): Buffer | undefined {
    const request = this.#waiting.shift();
    this.#octets -= request?.length ?? 0;
    return request;
  }

  clear(): void {
    this.#waiting = [];
    this.#octets = 0;
  }
}
