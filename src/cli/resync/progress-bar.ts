import type { WriteStream } from 'node:tty';
import type { ResyncProgress } from '../../sync/queues.ts';

const WIDTH = 30;
const PHASES: Record<string, string> = {
  resolve: 'looking',
  publish: 'publishing',
  notify: 'notifying',
  done: 'done',
};

/** A bar that stays on one line of a terminal; nothing where the stream is none. */
export class ProgressBar {
  readonly #stream: WriteStream;
  #shown = '';

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  show(progress: ResyncProgress | undefined): void {
    if (!this.#stream.isTTY) return;
    const text = barText(progress);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#stream.write(`\r\x1b[K${text}`);
  }

  clear(): void {
    if (this.#shown === '') return;
    this.#shown = '';
    this.#stream.write('\r\x1b[K');
  }
}

/** `publishing  [#######-------] 7/14` */
export function barText(progress: ResyncProgress | undefined): string {
  if (typeof progress?.phase !== 'string') return `${'looking'.padEnd(11)}[${'-'.repeat(WIDTH)}]`;
  const { phase, done, total } = progress;
  const full = total > 0 ? Math.round((Math.min(done, total) / total) * WIDTH) : phase === 'done' ? WIDTH : 0;
  return `${(PHASES[phase] ?? phase).padEnd(11)}[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${done}/${total}`;
}
