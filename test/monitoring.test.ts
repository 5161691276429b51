import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from './support/house.ts';
import { findProgram } from './support/secondaries/server-process.ts';

const execute = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const promtool = findProgram('promtool');

let house: House;
let told: Set<string>;
beforeAll(async () => {
  house = await openHouse();
  const text = await (await fetch(`${house.http}/metrics`)).text();
  told = new Set(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) => namesOf(name, type)),
  );
});
afterAll(() => house?.close());

function namesOf(name: string, type: string | undefined): string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

const used = (text: string) => [
  ...new Set([...text.matchAll(/\b(?:zoneferry|process|nodejs)_[a-z_]+/g)].map(([name]) => name)),
];

test.skipIf(!promtool && !process.env.CI)(
  'the alert rules are rules, and speak when they should',
  async () => {
    const folder = join(ROOT, 'monitoring');
    await execute(promtool ?? 'promtool', ['check', 'rules', 'alerts.yml'], { cwd: folder });
    const { stdout } = await execute(promtool ?? 'promtool', ['test', 'rules', 'alerts.test.yml'], {
      cwd: folder,
    });
    expect(stdout).toContain('SUCCESS');
  },
);

test('rules and dashboard ask for metrics that there are', () => {
  for (const file of ['monitoring/alerts.yml', 'monitoring/grafana.json'])
    expect([file, used(read(file)).filter((name) => !told.has(name))]).toEqual([file, []]);
});

test('operations.md says what to do about each alert, and of no other', () => {
  const names = [...read('monitoring/alerts.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const page = [...read('docs/operations.md').matchAll(/^\| `(Zoneferry\w+)` \|/gm)].map(([, name]) => name);
  expect(page.sort()).toEqual(names.sort());
});

test('the dashboard is one that Grafana takes: panels with queries, none over another', () => {
  const dashboard = JSON.parse(read('monitoring/grafana.json'));
  const taken = new Set<string>();
  for (const { title, targets, gridPos } of dashboard.panels) {
    expect([title, targets.length > 0]).toEqual([title, true]);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect([title, x, y, x < 24 && !taken.has(`${x}/${y}`)]).toEqual([title, x, y, true]);
        taken.add(`${x}/${y}`);
      }
  }
});
