import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const SOURCE = resolve(import.meta.dirname, '../src');

/** Lower floors have lower numbers; rooms of one number are siblings, which meet in the database and never by import. */
const FLOORS: Record<string, number> = {
  dns: 0,
  zone: 1,
  store: 2,
  resolve: 2,
  embedded: 2,
  sync: 3,
  transfer: 3,
  notify: 3,
  http: 4,
  app: 5,
  cli: 6,
  demo: 6,
};
/** Small shared tools, which every floor may use. */
const SHARED = new Set(['clock', 'errors', 'log', 'trace', 'endpoint', 'resolver-address', 'version']);
const ABOVE_ALL = new Set(['config', 'app', 'cli', 'demo']);

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);

function importsOf(file: string): string[] {
  const text = readFileSync(join(SOURCE, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) =>
    relative(SOURCE, resolve(SOURCE, dirname(file), path ?? '')),
  );
}

/** The room of a file: its first folder, or its own name at the top. `dns.ts` beside `dns/` is the same room. */
function roomOf(file: string): string {
  return (file.split('/')[0] ?? '').replace(/\.ts$/, '');
}

test('imports point down only', () => {
  const wrong: string[] = [];
  for (const file of files) {
    const from = roomOf(file);
    for (const target of importsOf(file)) {
      const to = roomOf(target);
      if (from === to || SHARED.has(to)) continue;
      if (SHARED.has(from)) wrong.push(`${file} -> ${target}`);
      else if (to === 'config') {
        if (!ABOVE_ALL.has(from))
          wrong.push(`${file} -> ${target}: config is read by app.ts and the command line alone`);
      } else if (from === 'config') wrong.push(`${file} -> ${target}`);
      else {
        const [above, below] = [FLOORS[from], FLOORS[to]];
        if (above === undefined || below === undefined)
          wrong.push(`${file} -> ${target}: a room without a floor`);
        else if (above <= below) wrong.push(`${file} -> ${target}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('OpenTelemetry is loaded where it is wanted alone', () => {
  // what is imported for its types is not loaded
  const text = (file: string) =>
    readFileSync(join(SOURCE, file), 'utf8').replaceAll(/^import type .*$/gm, '');
  const importing = (pattern: RegExp) => files.filter((file) => pattern.test(text(file)));
  const inside = (file: string) => file.startsWith('app/tracing/');
  const users = importing(/from '(@opentelemetry\/|bullmq-otel)/);
  expect(users.length).toBeGreaterThan(0);
  expect(users.filter((file) => !inside(file))).toEqual([]);
  expect(importing(/from '[^']*\/tracing\/[^']+'/).filter((file) => !inside(file))).toEqual([]);
  expect(text('app/tracing.ts')).toMatch(/await import\('\.\/tracing\/open-telemetry\.ts'\)/);
});

test('no circle of imports', () => {
  const done = new Set<string>();
  const visit = (file: string, path: string[]) => {
    if (path.includes(file))
      throw new Error(`a circle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
    if (done.has(file)) return;
    for (const target of importsOf(file)) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(done.size).toBe(files.length);
});

test('dns/ and zone/ do no input or output, and nothing below app.ts asks the system for the time', () => {
  const wrong: string[] = [];
  for (const file of files) {
    const text = readFileSync(join(SOURCE, file), 'utf8');
    const inputOutput = /from '(node:(net|dgram|fs|http|tls|child_process)|pg|bullmq|ioredis)/.test(text);
    if (/^(dns|zone)\//.test(file) && inputOutput) wrong.push(`${file} does input or output`);
    if (!/^(app|cli|demo|clock)/.test(file) && /Date\.now\(\)|new Date\(\)/.test(text))
      wrong.push(`${file} asks for the time`);
  }
  expect(wrong).toEqual([]);
});

test('dns-packet, which loses octets, is a second opinion for tests alone', () => {
  expect(files.filter((file) => /from 'dns-packet'/.test(readFileSync(join(SOURCE, file), 'utf8')))).toEqual(
    [],
  );
});
