import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { asker } from './support.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse({}, ['api']);
});
afterAll(() => house?.close());

// biome-ignore lint/suspicious/noExplicitAny: a document of JSON
const read = async (): Promise<any> => (await asker(house.http)('GET', '/docs/json')).body;

test('the OpenAPI document is complete: every path parameter, reference, summary and answer', async () => {
  const document = await read();
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(document.info).toMatchObject({
    title: 'Zoneferry',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
  const operations = Object.entries<Record<string, unknown>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  expect(operations.length).toBeGreaterThan(30);
  for (const { path, method, operation } of operations) {
    const where = `${method} ${path}`;
    // biome-ignore lint/suspicious/noExplicitAny: a document of JSON
    const { summary, tags, parameters = [], responses, requestBody } = operation as any;
    expect([where, typeof summary, tags?.length]).toEqual([where, 'string', 1]);
    expect([where, Object.keys(responses).some((status) => /^2\d\d$/.test(status))]).toEqual([where, true]);
    // biome-ignore lint/suspicious/noExplicitAny: a document of JSON
    for (const answer of Object.values<any>(responses))
      expect([where, typeof answer.description]).toEqual([where, 'string']);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const inPath = parameters.filter((one: { in: string }) => one.in === 'path');
    expect([where, inPath.map((one: { name: string }) => one.name).sort()]).toEqual([where, named.sort()]);
    for (const one of inPath) expect([where, one.required]).toEqual([where, true]);
    for (const one of parameters) expect([where, typeof one.schema]).toEqual([where, 'object']);
    if (method === 'get' || method === 'delete') expect([where, requestBody]).toEqual([where, undefined]);
  }
  expect(JSON.stringify(document)).not.toMatch(/"\$ref":"(?!#\/)/);
});

test('every resource of the contract is there', async () => {
  const { paths } = await read();
  for (const [path, methods] of Object.entries({
    '/v1/zones': ['get', 'post'],
    '/v1/zones/{zone}': ['get', 'patch', 'delete'],
    '/v1/zones/{zone}/records': ['get', 'post', 'delete'],
    '/v1/zones/{zone}/records/{id}': ['get', 'patch', 'delete'],
    '/v1/secondaries': ['get', 'post'],
    '/v1/secondaries/{id}': ['get', 'patch', 'delete'],
    '/v1/keys': ['get', 'post'],
    '/v1/keys/{id}': ['get', 'patch', 'delete'],
    '/v1/resyncs': ['get', 'post'],
    '/v1/resyncs/{id}': ['get', 'delete'],
    '/v1/jobs': ['get'],
    '/v1/jobs/{id}': ['get', 'delete'],
    '/v1/status': ['get'],
  }))
    expect([path, Object.keys(paths[path] ?? {})]).toEqual([path, expect.arrayContaining(methods)]);
  expect(Object.keys(paths).filter((path) => path.startsWith('/queues'))).toEqual([]);
});

test('the pages of /docs come from here alone', async () => {
  const ask = asker(house.http);
  const { text } = await ask('GET', '/docs');
  const links = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
  expect(links.length).toBeGreaterThan(3);
  for (const link of links) {
    expect(link).not.toMatch(/^(https?:)?\/\//);
    const path = new URL(link, `${house.http}/docs/`).pathname;
    expect([path, (await ask('GET', path)).status]).toEqual([path, 200]);
  }
});
