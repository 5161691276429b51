import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { absoluteName } from '../../src/dns/name.ts';
import { asker } from '../http/support.ts';
import { freshDatabase } from '../support/database.ts';
import { redisInstalled, TestRedis } from '../support/redis.ts';
import { type CommandResult, type Service, startService } from '../support/service.ts';
import { axfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const hidden = () => randomBytes(24).toString('base64url');
const apiToken = `api-${hidden()}`;
const secretKey = randomBytes(32).toString('base64');
const databasePassword = `db-${hidden()}`;
const redisPassword = `redis-${hidden()}`;
const bySql = randomBytes(32);
const byApi = randomBytes(32);
const byCommand = randomBytes(32);

let database: Awaited<ReturnType<typeof freshDatabase>>;
let role: string;
let redis: TestRedis | undefined;
let service: Service;
let client: pg.Client | undefined;
let namedToken = '';
const said: string[] = [];
const results: CommandResult[] = [];

/** What must not be seen anywhere, in the forms in which it might be. */
function secrets(): string[] {
  const octets = [bySql, byApi, byCommand, Buffer.from(secretKey, 'base64')];
  const texts = [apiToken, databasePassword, redisPassword, namedToken];
  return [
    ...octets.flatMap((secret) => [
      secret.toString('base64'),
      secret.toString('hex'),
      secret.toString('base64url'),
    ]),
    ...texts,
    ...texts.map((text) => Buffer.from(text).toString('base64').replace(/=+$/, '')),
  ];
}

function expectNoSecret(where: string, text: string): void {
  for (const secret of secrets())
    if (text.includes(secret)) throw new Error(`${where} has ${secret}:\n${around(text, secret)}`);
}

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 300), at + 300);
}

beforeAll(async () => {
  database = await freshDatabase();
  const url = new URL(database.url);
  role = `secretive_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  await admin.query(`create role ${role} login superuser password '${databasePassword}'`);
  await admin.end();
  url.username = role;
  url.password = databasePassword;
  if (redisInstalled) {
    redis = await TestRedis.start();
    await redis.command('config', 'set', 'requirepass', redisPassword);
  }
  service = await startService({
    databaseUrl: url.href,
    settings: {
      API_TOKEN: apiToken,
      SECRET_KEY: secretKey,
      LOG_LEVEL: 'debug',
      ...(redis ? { REDIS_URL: `redis://:${redisPassword}@127.0.0.1:${redis.port}` } : {}),
    },
  });
});
afterAll(async () => {
  await service?.stop();
  await client?.end();
  await redis?.stop();
  await database?.drop();
});

test('secrets are used in every way there is', async () => {
  const ask = asker(`http://${service.http.ip}:${service.http.port}`, {
    authorization: `Bearer ${apiToken}`,
  });
  const keep = async (...asked: Parameters<typeof ask>) => {
    const answer = await ask(...asked);
    said.push(`${asked[0]} ${asked[1]}: ${answer.text} ${JSON.stringify(answer.headers)}`);
    return answer;
  };
  namedToken = (JSON.parse(await service.cli('token', 'add', 'robot', '--json')) as { token: string }).token;
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`insert into tsig_keys (name, secret) values ('sql', $1)`, [bySql.toString('base64')]);
  await client.query(
    `insert into secondaries (name, addresses, keys, notify) values ('s1', '{127.0.0.1}', '{sql}', false)`,
  );
  // its answer tells the secret, this once: it is not kept
  expect((await ask('POST', '/v1/keys', { name: 'api', secret: byApi.toString('base64') })).status).toBe(201);
  results.push(await service.run('key', 'list', '--json'), await service.run('secondary', 'list', '--json'));
  await keep('POST', '/v1/zones', {
    name: 'secret.example',
    primaryNs: 'ns1.example.net',
    contact: 'h@example.net',
  });
  await keep('POST', '/v1/zones/secret.example/records', {
    name: '@',
    type: 'NS',
    content: 'ns1.example.net.',
  });
  await keep('POST', '/v1/zones/secret.example/records', {
    name: 'www',
    type: 'ALIAS',
    content: 'target.example.net',
  });
  await keep('POST', '/v1/resyncs', { zones: ['secret.example'], reason: 'a look' });
  // mistakes that hold a secret
  await keep('POST', '/v1/keys', { name: 'api', secret: byApi.toString('base64') });
  await keep('POST', '/v1/keys', {
    name: 'bad name',
    algorithm: 'hmac-none',
    secret: byApi.toString('base64'),
  });
  await keep('POST', '/v1/keys', { name: 'long', secret: `${byApi.toString('base64')}!` });
  await keep('PATCH', '/v1/keys/api', { secret: `${byApi.toString('base64')}!` });
  await keep('GET', '/v1/zones', undefined, { authorization: `Bearer ${namedToken}x` });
  await keep('POST', '/v1/session', undefined, { authorization: `Bearer ${namedToken}` });
  await client
    .query(`insert into tsig_keys (name, secret) values ('sql', $1)`, [bySql.toString('base64')])
    .catch((error: Error) => said.push(`SQL: ${error.message} ${JSON.stringify(error)}`));
  await client
    .query(`insert into tsig_keys (name, secret) values ('sql2', $1)`, [`${bySql.toString('base64')}!`])
    .catch((error: Error) => said.push(`SQL: ${error.message}`));
  // transfers, signed well and badly
  const zone = { host: service.dns.ip, port: service.dns.port, zone: 'secret.example.' };
  const key = { name: absoluteName('sql'), algorithm: 'hmac-sha256' as const, secret: bySql };
  await until('a signed transfer', async () => axfr({ ...zone, key }));
  await axfr({ ...zone, key: { ...key, secret: byCommand } }).catch(() => {});
  await axfr({ ...zone, key: { ...key, name: absoluteName('nobody') } }).catch(() => {});
  for (const path of [
    'zones',
    'zones/secret.example.',
    'zones/secret.example./records',
    'keys',
    'keys/api',
    'secondaries',
    'jobs',
    'resyncs',
    'status',
    'events',
    'refusals',
  ])
    await keep('GET', `/v1/${path}`);
  for (const path of ['/metrics', '/healthz', '/readyz', '/docs/json', '/', '/queues/api/queues'])
    await keep('GET', path);
});

test('commands that fail tell no password', async () => {
  const wrong = async (settings: Record<string, string>, ...args: string[]) => {
    const { runCommand } = await import('../support/service.ts');
    results.push(
      await runCommand(args, {
        folder: service.folder,
        environment: { ...service.environment, ...settings },
      }),
    );
  };
  const other = new URL(service.environment.DATABASE_URL ?? '');
  other.port = '9';
  await wrong({ DATABASE_URL: other.href }, 'status');
  other.host = new URL(database.url).host;
  other.pathname = '/no_such_database';
  await wrong({ DATABASE_URL: other.href }, 'zone', 'list');
  await wrong({ DATABASE_URL: `mysql://x:${databasePassword}@h/x` }, 'zone', 'list');
  await wrong({ REDIS_URL: `redis://:${redisPassword}@127.0.0.1:9` }, 'jobs');
  await wrong({ REDIS_URL: `http://:${redisPassword}@127.0.0.1:9` }, 'jobs');
  await wrong({ API_TOKEN: `${apiToken} with blanks` }, 'env', 'DNS_LISTEN');
  await wrong({ SECRET_KEY: `${secretKey}x` }, 'zone', 'list');
  await wrong({}, 'key', 'add', 'bad name', '--secret', `${byCommand.toString('base64')}!`);
  await wrong({}, 'env');
  await wrong({}, 'status');
  await wrong({}, 'doctor');
  expect(results.filter(({ status }) => status !== 0).length).toBeGreaterThan(5);
});

test('no secret is in the log, in answers, in errors, or in what commands print', () => {
  expect(service.log().length).toBeGreaterThan(1_000);
  expectNoSecret('the log', service.log());
  for (const text of said) expectNoSecret('an answer', text);
  for (const { stdout, stderr } of results) expectNoSecret('a command', `${stdout}\n${stderr}`);
});

test('nor in job data, which the queue keeps', async () => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    expect(rows.length).toBeGreaterThan(10);
    for (const { name } of rows as { name: string }[]) {
      const { rows: found } = await client.query(`select t::text as text from ${name} t limit 10000`);
      for (const { text } of found as { text: string }[]) expectNoSecret(name, text);
    }
  } finally {
    await client.end();
  }
});

test.runIf(redisInstalled)('nor in Redis', async () => {
  const { Redis } = await import('ioredis');
  const client = new Redis(`redis://:${redisPassword}@127.0.0.1:${redis?.port}`);
  try {
    const keys = await client.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      const type = await client.type(key);
      const content =
        type === 'hash'
          ? await client.hgetall(key)
          : type === 'stream'
            ? await client.xrange(key, '-', '+')
            : type === 'string'
              ? await client.get(key)
              : type === 'list'
                ? await client.lrange(key, 0, -1)
                : [];
      expectNoSecret(key, JSON.stringify(content));
    }
  } finally {
    client.disconnect();
  }
});

test('nor in the list of processes, and files that it wrote are for its user alone', () => {
  expectNoSecret('ps', execFileSync('ps', ['-ww', '-eo', 'args'], { encoding: 'utf8', maxBuffer: 1 << 24 }));
  for (const name of readdirSync(service.folder, { recursive: true, encoding: 'utf8' })) {
    const { mode } = statSync(join(service.folder, name));
    expect([name, (mode & 0o077).toString(8)]).toEqual([name, '0']);
  }
});
