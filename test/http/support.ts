import { request as httpRequest } from 'node:http';

/** An answer, its body read as JSON where it is some. */
export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  body: any;
}

export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>;

/** Asks a server of ours. Unlike `fetch`, it sends any Host and Origin that a test wants. */
export function asker(base: string, always: Record<string, string> = {}): Ask {
  return (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const request = httpRequest(
        base,
        {
          // as it stands: a URL would be put in order
          path,
          method,
          agent: false,
          headers: {
            ...(text === undefined ? {} : { 'content-type': 'application/json' }),
            ...always,
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const got = Buffer.concat(chunks).toString();
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: got,
              body: parse(got),
            });
          });
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(text);
    });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
