import { expect, test } from 'vitest';
import { createLog, hideCredentials } from '../src/log.ts';

function collect(format: 'json' | 'pretty', level: 'debug' | 'info' | 'warn' = 'info') {
  const lines: string[] = [];
  return { lines, log: createLog({ level, format }, { write: (line) => lines.push(line) }) };
}

test('json: one object a line with level, time, fields and message', () => {
  const { lines, log } = collect('json');
  log.child({ zone: 'example.com.' }).info({ serial: 7 }, 'published');
  log.debug({}, 'not shown');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    zone: 'example.com.',
    serial: 7,
    msg: 'published',
  });
});

test('pretty: one readable line', () => {
  const { lines, log } = collect('pretty');
  log.warn({ serial: 7 }, 'held back');
  expect(lines.join('')).toMatch(/WARN.*held back.*"serial":7/);
});

test.each(['json', 'pretty'] as const)('%s: secrets stay out, at any depth', (format) => {
  const { lines, log } = collect(format);
  log.child({ apiToken: 'hunter2' }).info(
    {
      key: { name: 'k.', secret: Buffer.from('hunter2') },
      headers: { Authorization: 'Bearer hunter2' },
      database: 'postgresql://me:hunter2@127.0.0.1/x',
      err: new Error('no route to redis://:hunter2@127.0.0.1'),
    },
    'connected',
  );
  expect(lines.join('')).toContain('***');
  expect(lines.join('')).not.toContain('hunter2');
});

test('an error is logged with its stack and code', () => {
  const { lines, log } = collect('json');
  log.error({ err: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }, 'away');
  expect(JSON.parse(lines[0] ?? '').err).toMatchObject({
    message: 'refused',
    code: 'ECONNREFUSED',
    stack: expect.stringContaining('log.test.ts'),
  });
});

test('credentials are starred wherever the URL stands', () => {
  expect(hideCredentials('to postgresql://me:p%40ss@h/d and redis://:x@h')).toBe(
    'to postgresql://me:***@h/d and redis://:***@h',
  );
  expect(hideCredentials('http://127.0.0.1:8053/a@b')).toBe('http://127.0.0.1:8053/a@b');
});
