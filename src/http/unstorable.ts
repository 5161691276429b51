import type { FastifyRequest } from 'fastify';

/** Deeper than any body that a route takes. */
const DEEPEST = 4;

/** The field of a request whose text PostgreSQL can't hold: with U+0000, or half a character; undefined where there is none. */
export function unstorable({ params, query, body }: FastifyRequest): string | undefined {
  for (const part of [params, query, body]) {
    const found = fieldIn(part, []);
    if (found !== undefined) return found.join('.') || 'body';
  }
  return undefined;
}

function fieldIn(value: unknown, path: readonly string[]): readonly string[] | undefined {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? path : undefined;
  if (typeof value !== 'object' || value === null || path.length === DEEPEST) return undefined;
  for (const [key, inside] of Object.entries(value)) {
    const found = fieldIn(inside, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
