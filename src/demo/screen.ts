/** What the demo prints: lines that read well on a terminal and in a file, with colours on a terminal only. */
export class Screen {
  readonly #write: (text: string) => void;
  readonly #colours: boolean;

  constructor(write: (text: string) => void, colours: boolean) {
    this.#write = write;
    this.#colours = colours;
  }

  line(text = ''): void {
    this.#write(`${text}\n`);
  }

  heading(text: string): void {
    this.line();
    this.line(this.#paint(BOLD, text));
  }

  /** Something that is ready now: what it is, and where or how. */
  ready(what: string, text: string): void {
    this.line(`  ${what.padEnd(WHAT)} ${text}`);
  }

  /** A command as one would type it. */
  command(words: string, remark = ''): void {
    this.line(`  ${this.#paint(DIM, '$')} ${words}${remark === '' ? '' : `   ${this.#paint(DIM, remark)}`}`);
  }

  /** A step of a move, `ms` after the target moved. */
  step(ms: number, what: string, text: string): void {
    this.line(
      `  ${this.#paint(GREEN, `${Math.round(ms)} ms`.padStart(TIME))}  ${what.padEnd(WHAT_OF_STEP)} ${text}`,
    );
  }

  /** Columns, all but the first to the right. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = head.map((title, column) =>
      Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
    );
    for (const row of [head, ...rows]) {
      const cells = row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      );
      const text = `  ${cells.join('   ')}`;
      this.line(row === head ? this.#paint(DIM, text) : text);
    }
  }

  #paint(code: number, text: string): string {
    return this.#colours ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

const WHAT = 11;
const WHAT_OF_STEP = 17;
const TIME = 8;
const BOLD = 1;
const DIM = 2;
const GREEN = 32;
