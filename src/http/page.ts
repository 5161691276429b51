import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

const FILES = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/page/style.css', 'style.css', 'text/css; charset=utf-8'],
  ...['script', 'ask', 'dom', 'jobs', 'plan', 'secondaries', 'zones'].map(
    (name) => [`/page/${name}.js`, `${name}.js`, 'text/javascript; charset=utf-8'] as const,
  ),
] as const;

/** The dashboard: an empty shell, which fills itself from the API with the token that it is given. */
export function page(app: FastifyInstance): void {
  for (const [url, file, type] of FILES) {
    const content = readFileSync(new URL(`./page/${file}`, import.meta.url));
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 16)}"`;
    app.get(url, { schema: { hide: true } }, async (request, reply) => {
      reply.headers({ 'content-type': type, 'cache-control': 'no-cache', etag });
      if (request.headers['if-none-match'] === etag) return reply.status(304).send();
      return reply.send(content);
    });
  }
}
