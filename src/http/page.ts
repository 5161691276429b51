import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
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
    const forms = [
      { encoding: 'br', content: brotliCompressSync(content) },
      { encoding: 'gzip', content: gzipSync(content) },
      { encoding: 'identity', content },
    ];
    const digest = createHash('sha256').update(content).digest('base64url').slice(0, 16);
    app.get(url, { schema: { hide: true } }, async (request, reply) => {
      const form = forms.find(({ encoding }) => takes(request.headers['accept-encoding'], encoding));
      const { encoding, content: sent } = form ?? { encoding: 'identity', content };
      // a form of its own has a tag of its own (RFC 9110, 8.8.3.3)
      const etag = `"${digest}${encoding === 'identity' ? '' : `-${encoding}`}"`;
      reply.headers({ 'content-type': type, 'cache-control': 'no-cache', vary: 'accept-encoding', etag });
      if (request.headers['if-none-match'] === etag) return reply.status(304).send();
      if (encoding !== 'identity') reply.header('content-encoding', encoding);
      return reply.send(sent);
    });
  }
}

/** Whether a client names that encoding (RFC 9110, 12.5.3), and not with a weight of nothing. */
function takes(accepted: string | string[] | undefined, encoding: string): boolean {
  return String(accepted ?? '')
    .toLowerCase()
    .split(',')
    .some((one) => {
      const [name, ...parameters] = one.split(';').map((part) => part.trim());
      return name === encoding && !parameters.some((part) => /^q=0(\.0*)?$/.test(part));
    });
}
