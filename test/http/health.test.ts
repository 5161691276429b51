import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { health } from '../../src/http/health.ts';

test('readyz is 503 with every reason while there is one, and healthz 200 all the time', async () => {
  let reasons: string[] = ['PostgreSQL: connection refused', 'queue: away'];
  const app = fastify({ ajv: { customOptions: { strict: false } } });
  health(
    app,
    async () => {
      if (reasons.includes('broken')) throw new Error('broken');
      return reasons;
    },
    true,
  );
  const ready = () => app.inject('/readyz');
  expect((await ready()).statusCode).toBe(503);
  expect((await ready()).json()).toEqual({
    status: 'error',
    error: { code: 'not_ready', message: 'PostgreSQL: connection refused; queue: away' },
  });
  expect((await app.inject('/healthz')).statusCode).toBe(200);
  reasons = ['broken'];
  expect((await ready()).json().error.message).toBe('the state could not be read');
  reasons = [];
  expect((await ready()).statusCode).toBe(200);
  await app.close();
});

test('where there is a token, who asks without hears what is away, and no address', async () => {
  const app = fastify({ ajv: { customOptions: { strict: false } } });
  const reasons = [
    'PostgreSQL: connect ECONNREFUSED 192.0.2.1:5432',
    'PostgreSQL: no such role "x"',
    'queue: away',
  ];
  health(app, async () => reasons, false);
  const answer = await app.inject('/readyz');
  expect(answer.statusCode).toBe(503);
  expect(answer.json().error.message).toBe('PostgreSQL; queue; the log says more');
  await app.close();
});
