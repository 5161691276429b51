import type { FastifyInstance } from 'fastify';

const NOTHING = "default-src 'none'; frame-ancestors 'none'";
const OWN =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/** The pages of others, as they come: they set styles from scripts, and name a base. */
const LENT =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

/** Of every answer, whatever it is. */
const ALWAYS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;
/** Of answers that are no page, which a browser has nothing to load for. */
export const NARROW = { ...ALWAYS, 'content-security-policy': NOTHING } as const;

/** Headers that keep a browser from doing more with an answer than it is for. No other site may read anything: there is no CORS. */
export function secureHeaders(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    reply.headers({
      ...ALWAYS,
      'content-security-policy':
        path === '/' || path.startsWith('/page/')
          ? OWN
          : /^\/(docs|queues)(\/|$)/.test(path)
            ? LENT
            : NOTHING,
    });
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
}
