/** The lines of a text, found the faster the more they are asked for in their order. */
export class Lines {
  readonly #text: string;
  #line = 1;
  #from = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The line of this number, from 1; empty where there is none. */
  at(line: number): string {
    if (line < this.#line) {
      this.#line = 1;
      this.#from = 0;
    }
    for (; this.#line < line; this.#line++) {
      const end = this.#text.indexOf('\n', this.#from);
      if (end < 0) return '';
      this.#from = end + 1;
    }
    const end = this.#text.indexOf('\n', this.#from);
    return this.#text.slice(this.#from, end < 0 ? undefined : end);
  }
}
