import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const hasCompose = spawnSync('docker-compose', ['version']).status === 0;
const read = (name: string) => readFileSync(`${ROOT}${name}`, 'utf8');

test('the image runs as an ordinary user, from a base that is named', () => {
  const stages = read('Dockerfile')
    .split(/^FROM /m)
    .slice(1);
  expect(stages.length).toBe(2);
  for (const stage of stages) expect(stage).toMatch(/^node:\d+/);
  const last = stages.at(-1) ?? '';
  expect(last.match(/^USER (.*)$/m)?.[1]).toBe('node');
  expect(last).not.toMatch(/^(ADD|ENV .*(TOKEN|SECRET|PASSWORD))/m);
});

test('the service has a root that it can not write, no capabilities, and gains none', () => {
  const [, service = ''] = read('docker-compose.yml').split(/^ {2}zoneferry:$/m);
  for (const line of ['user: node', 'read_only: true', 'cap_drop:\n      - ALL', 'no-new-privileges:true'])
    expect(service).toContain(line);
  expect(service).not.toMatch(/privileged|cap_add|network_mode: host|docker\.sock/);
});

test.runIf(hasCompose)('docker-compose takes the file', () => {
  const text = execFileSync('docker-compose', ['-f', `${ROOT}docker-compose.yml`, 'config'], {
    encoding: 'utf8',
    env: { ...process.env, API_TOKEN: 'a-token', SECRET_KEY: '' },
  });
  expect(text).toMatch(/API_TOKEN: a-token/);
});

test('every dependency is named in docs/dependencies.md, with what it is for', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
    string,
    Record<string, string>
  >;
  const listed = read('docs/dependencies.md');
  const missing = Object.keys({ ...dependencies, ...devDependencies }).filter(
    (name) => !listed.includes(`\`${name.startsWith('@types/') ? '@types/*' : name}\``),
  );
  expect(missing).toEqual([]);
});
