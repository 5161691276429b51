import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestCli, testCli } from './support.ts';

let cli: TestCli;
beforeAll(async () => {
  cli = await testCli({ API_TOKEN: 'a-token-for-tests-0123456789' });
});
afterAll(() => cli.close());

test('token add tells a token once; list and delete know it by its name', async () => {
  const token = (await cli.ok('token', 'add', 'grafana', '--read-only')).trim();
  expect(token).toMatch(/^zf_[\w-]{43}$/);
  const listed = await cli.ok('token', 'list');
  expect(listed).toContain('grafana');
  expect(listed).not.toContain(token.slice(3));
  expect(await cli.json('token', 'list')).toEqual([
    { name: 'grafana', readOnly: true, createdAt: expect.any(String), usedAt: null },
  ]);
  expect(await cli.fails(1, 'token', 'add', 'grafana')).toBe('error: token grafana is there already');
  expect(await cli.ok('token', 'delete', 'grafana')).toBe('token grafana deleted\n');
  expect(await cli.fails(1, 'token', 'delete', 'grafana')).toBe(
    'error: no token grafana: zoneferry token list shows those there are',
  );
});

test('a name is letters, digits, dots, hyphens and underscores', async () => {
  expect(await cli.fails(2, 'token', 'add', 'two words')).toContain(
    'got "two words", takes 1 to 100 letters',
  );
});
