import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import fastify from 'fastify';
import { afterAll, expect, test } from 'vitest';
import { page } from '../../src/http/page.ts';

const app = fastify();
page(app);
afterAll(() => app.close());

const get = (encodings?: string, tag?: string) =>
  app.inject({
    url: '/page/script.js',
    headers: {
      ...(encodings === undefined ? {} : { 'accept-encoding': encodings }),
      ...(tag === undefined ? {} : { 'if-none-match': tag }),
    },
  });

test('the files of the dashboard are sent in the shortest form that the client takes, each with a tag of its own', async () => {
  const plain = await get();
  expect(plain.headers['content-encoding']).toBeUndefined();
  const tags = new Set([plain.headers.etag]);
  for (const [encodings, encoding, open] of [
    ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
    ['GZIP;q=0.5, br;q=0', 'gzip', gunzipSync],
  ] as const) {
    const reply = await get(encodings);
    expect(reply.headers).toMatchObject({ 'content-encoding': encoding, vary: 'accept-encoding' });
    expect(open(reply.rawPayload).toString()).toBe(plain.body);
    expect(reply.rawPayload.length).toBeLessThan(plain.rawPayload.length / 2);
    tags.add(reply.headers.etag);
    expect(await get(encodings, reply.headers.etag)).toMatchObject({ statusCode: 304, body: '' });
  }
  expect(tags.size).toBe(3);
  expect((await get('br;q=0.0, gzip;q=0')).body).toBe(plain.body);
});
