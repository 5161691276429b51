import { afterAll, beforeAll, expect, test } from 'vitest';
import { table } from '../../src/cli/output.ts';
import { printable } from '../../src/errors.ts';
import { type TestCli, testCli } from '../cli/support.ts';

/** What others write into the database moves no cursor of the operator's terminal. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
const EVIL = 'a\u001b[2J\u001b]0;title\u0007\u009b31m\u202eb';

let cli: TestCli;
beforeAll(async () => {
  cli = await testCli();
}, 180_000);
afterAll(() => cli?.close());

test('of lines the ends stay, and tabs', () => {
  expect(printable(`one\ttwo\n${EVIL}`)).toBe('one\ttwo\na?[2J?]0;title??31m?b');
});

test('a cell is one line, and is never cut', () => {
  const long = 'x'.repeat(5_000);
  expect(table(['name'], [[`a\nb${EVIL}`], [long]], 'none')).toBe(
    ['NAME', 'a?ba?[2J?]0;title??31m?b', long].join('\n'),
  );
});

test('control characters in records', { timeout: 180_000 }, async () => {
  await cli.ok('zone', 'add', 'evil.example', '--primary', 'ns1.example.net', '--contact', 'h@example.net');
  await cli.store.operator.query(
    `insert into records (zone_id, name, type, content) select id, 'txt.' || name, 'TXT', $1 from zones`,
    [`"${EVIL}"`],
  );
  for (const options of [[], ['--json']]) {
    const listed = await cli.ok('record', 'list', 'evil.example', ...options);
    expect(listed).toContain('[2J');
    expect(listed).not.toMatch(OBEYED);
  }
  const [, record] = await cli.json<{ content: string }[]>('record', 'list', 'evil.example');
  expect(record?.content).toBe(`"${EVIL}"`);
});
