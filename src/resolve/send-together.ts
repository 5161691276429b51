/** Something to be sent soon. */
export interface Sendable {
  send(): void;
}

/**
 * Has what came up in one turn of the event loop sent in one go: a peer that sleeps is woken once for all of it, and waking costs more than
 * sending.
 */
export class SendTogether {
  #items: Sendable[] = [];
  #sending = false;

  add(item: Sendable): void {
    this.#items.push(item);
    if (this.#sending) return;
    this.#sending = true;
    setImmediate(() => this.#sendAll());
  }

  #sendAll(): void {
    this.#sending = false;
    const items = this.#items;
    this.#items = [];
    for (const item of items) item.send();
  }
}
