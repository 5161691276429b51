import { oneLine, printable } from '../errors.ts';

/** Prints one line of text, or several; nothing in it moves a terminal's cursor, whoever wrote it. */
export function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** Prints the one JSON document of a command. */
export function printJson(value: unknown): void {
  process.stdout.write(`${inJson(value, 2)}\n`);
}

/** Says on standard error what a person should know beside the result. */
export function warn(text: string): void {
  process.stderr.write(`warning: ${text.replace(/\s*\n\s*/g, ' ')}\n`);
}

/** Writes a piece of a long output, and waits while the reader is slow. */
export async function write(text: string): Promise<void> {
  if (process.stdout.write(text)) return;
  await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
}

/** Writes a JSON array element by element: it may be longer than memory likes. `wrap` holds what stands before and after it. */
export async function writeJsonArray(
  batches: AsyncIterable<readonly unknown[]>,
  wrap: { before: string; after: string } = { before: '', after: '' },
): Promise<void> {
  await write(`${wrap.before}[`);
  let separator = '\n';
  for await (const batch of batches) {
    if (batch.length === 0) continue;
    await write(separator + batch.map((item) => inJson(item)).join(',\n'));
    separator = ',\n';
  }
  await write(`\n]${wrap.after}\n`);
}

/** What JSON lets stand as it is, and a terminal obeys, as `\uXXXX`. */
function inJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `1 zone`, `2 zones`. */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}

/** Text in columns; numbers stand to the right. An empty table is the sentence `empty`. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], empty: string): string {
  if (rows.length === 0) return empty;
  const texts = rows.map((row) => row.map(cellText));
  const widths = head.map((title, column) =>
    Math.max(title.length, ...texts.map((row) => (row[column] ?? '').length)),
  );
  const rightAligned = head.map((_, column) => {
    const cells = rows.map((row) => row[column] ?? null).filter((cell) => cell !== null);
    return cells.length > 0 && cells.every((cell) => typeof cell === 'number');
  });
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        rightAligned[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(head.map((title) => title.toUpperCase())), ...texts.map(line)].join('\n');
}

export type Cell = string | number | null | undefined;

function cellText(cell: Cell): string {
  return cell === null || cell === undefined ? '-' : oneLine(String(cell).replaceAll('\t', ' '), Infinity);
}
