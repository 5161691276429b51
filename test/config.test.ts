import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renderExample, renderSettingsPage } from '../src/config/example.ts';
import { type Setting, settings } from '../src/config/settings.ts';
import { loadConfig, settingsInForce } from '../src/config.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'zoneferry-config-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const load = (environment: Record<string, string>) => loadConfig(environment, directory);

describe('defaults', () => {
  test('are the ones of the table', () => {
    expect(load({})).toEqual({
      directory,
      dnsListen: [{ ip: '127.0.0.1', port: 5300 }],
      dnsConnections: { all: 2000, perAddress: 200 },
      apiRate: 200,
      httpConnections: 500,
      notifyFrom: { ipv4: '127.0.0.1' },
      notifyRate: 500,
      tsigLegacy: [],
      httpListen: { ip: '127.0.0.1', port: 8053 },
      metricsPerZone: 'auto',
      resolvers: 'system',
      resolveTimeoutMs: 500,
      resolveTries: 3,
      resolveConcurrency: 200,
      resolveRate: 'auto',
      resyncCron: '*/10 * * * * *',
      refreshMin: 30,
      refreshMax: 3600,
      retryMin: 1,
      retryMax: 30,
      negativeHold: 900,
      secretKeys: [],
      guardEmpty: 20,
      guardChange: 50,
      guardApex: 'off',
      emptyTarget: 'withdraw',
      maxStale: 0,
      onStale: 'fallback',
      rotationLooks: 10,
      rotationWindow: 60,
      rotationFloor: 300,
      publishPrivate: 'on',
      publishDocumentation: 'on',
      serialPolicy: 'increment',
      retention: {
        journal: { versions: 1000, bytes: 67_108_864, days: 30 },
        ledger: { days: 7, rows: 1_000_000 },
        tombstoneDays: 730,
      },
      logLevel: 'info',
      logFormat: 'json',
    });
  });

  test('.env.example is the table, to the letter', async () => {
    await expect(renderExample()).toMatchFileSnapshot('../.env.example');
  });

  test('docs/settings.md is the table, to the letter', async () => {
    await expect(renderSettingsPage()).toMatchFileSnapshot('../docs/settings.md');
  });

  test('what is in force can be read back as settings', () => {
    const written = {
      DNS_LISTEN: '192.0.2.1:53,[2001:db8::1]:53',
      RESOLVERS: '9.9.9.9:53',
      REFRESH_MIN: '5',
      API_TOKEN: 't0ken',
      TSIG_LEGACY: 'hmac-sha1,hmac-md5',
    };
    const config = load(written);
    expect(settingsInForce(config)).toMatchObject({ ...written, NOTIFY_FROM: '192.0.2.1,2001:db8::1' });
    expect(loadConfig(settingsInForce(config), directory)).toEqual(config);
    const known = Object.values<Setting<unknown>>(settings).map((setting) => setting.name);
    const withDefault = Object.values<Setting<unknown>>(settings).filter(
      (setting) => setting.default !== undefined,
    );
    for (const { name } of withDefault) expect(Object.keys(settingsInForce(config))).toContain(name);
    expect(Object.keys(settingsInForce(config)).filter((name) => !known.includes(name as never))).toEqual([]);
  });

  test('cannot be changed once read', () => {
    expect(() => Object.assign(load({}).dnsListen[0] ?? {}, { port: 1 })).toThrow(TypeError);
  });
});

describe('.env', () => {
  test('is read from the working directory and yields to the environment', () => {
    writeFileSync(
      join(directory, '.env'),
      'REFRESH_MIN=7\nRESOLVE_TRIES=5 # five\nRESYNC_CRON="*/2 * * * * *"\n',
    );
    expect(load({ REFRESH_MIN: '9' })).toMatchObject({
      refreshMin: 9,
      resolveTries: 5,
      resyncCron: '*/2 * * * * *',
    });
  });

  test('an empty value is the default, wherever it stands', () => {
    writeFileSync(join(directory, '.env'), 'REFRESH_MIN=\nRESOLVE_TRIES=5\n');
    expect(load({ RESOLVE_TRIES: '' })).toMatchObject({ refreshMin: 30, resolveTries: 5 });
  });
});

describe('a bad value is one line that names the setting', () => {
  const bad: [Record<string, string>, string][] = [
    [{ REFRESH_MIN: 'soon' }, 'REFRESH_MIN: got "soon", takes a whole number of seconds from 0 to 86400'],
    [{ EMPTY_TARGET: 'keep' }, 'EMPTY_TARGET: got "keep", takes one of withdraw, hold'],
    [{ ON_STALE: 'drop' }, 'ON_STALE: got "drop", takes one of fallback, keep, withdraw'],
    [{ GUARD_EMPTY: '20' }, 'GUARD_EMPTY: got "20", takes a share from 0% to 100%, or "off"'],
    [{ NEGATIVE_HOLD: '-1' }, 'NEGATIVE_HOLD: got "-1", takes a whole number of seconds'],
    [{ RESOLVE_TIMEOUT_MS: '0' }, 'RESOLVE_TIMEOUT_MS: got "0", takes'],
    [{ RESOLVE_TRIES: '2.5' }, 'RESOLVE_TRIES: got "2.5", takes'],
    [{ REFRESH_MIN: '60', REFRESH_MAX: '30' }, 'REFRESH_MAX: got "30", takes seconds not below REFRESH_MIN'],
    [{ RETRY_MIN: '60', RETRY_MAX: '50' }, 'RETRY_MAX: got "50", takes seconds not below RETRY_MIN'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL: got "loud", takes one of debug, info, warn, error, silent'],
    [{ LOG_FORMAT: 'xml' }, 'LOG_FORMAT: got "xml", takes one of json, pretty'],
    [{ SERIAL_POLICY: 'random' }, 'SERIAL_POLICY: got "random", takes one of increment, date, unixtime'],
    [{ RESYNC_CRON: 'hourly' }, 'RESYNC_CRON: got "hourly", takes a cron expression'],
    [{ RESYNC_CRON: '61 * * * * *' }, 'RESYNC_CRON: got "61 * * * * *", takes a cron expression'],
    [
      { TSIG_LEGACY: 'hmac-md5,sha1' },
      'TSIG_LEGACY: got "hmac-md5,sha1", takes hmac-sha1 or hmac-md5, or both with a comma between',
    ],
    [{ TSIG_LEGACY: 'hmac-md5,hmac-md5' }, 'TSIG_LEGACY: got "hmac-md5,hmac-md5", takes'],
    [{ DNS_LISTEN: 'localhost:53' }, 'DNS_LISTEN: got "localhost:53", takes ip:port'],
    [{ DNS_LISTEN: '127.0.0.1:65536' }, 'DNS_LISTEN: got "127.0.0.1:65536", takes ip:port'],
    [{ DNS_LISTEN: '127.0.0.1:53,127.0.0.1' }, 'DNS_LISTEN: got "127.0.0.1:53,127.0.0.1", takes ip:port'],
    [{ DNS_LISTEN: '127.0.0.1:53,' }, 'DNS_LISTEN: got "127.0.0.1:53,", takes ip:port'],
    [{ NOTIFY_FROM: '192.0.2.1,192.0.2.2' }, 'NOTIFY_FROM: got "192.0.2.1,192.0.2.2", takes an IP address'],
    [
      { HTTP_LISTEN: '0.0.0.0:80' },
      'HTTP_LISTEN: got "0.0.0.0:80", takes a loopback address while API_TOKEN',
    ],
    [{ RESOLVERS: 'one.one.one.one' }, 'RESOLVERS: got "one.one.one.one", takes ip:port'],
    [{ REDIS_URL: 'http://127.0.0.1' }, 'REDIS_URL: got "http://127.0.0.1", takes a URL like redis://'],
    [
      { TLS_LISTEN: '127.0.0.1' },
      'TLS_CERT: got "", takes the path of a readable file, as TLS_LISTEN is set',
    ],
    [{ TLS_LISTEN: '::1', TLS_CERT: 'no.pem' }, 'TLS_CERT: got "no.pem", takes the path of a readable file'],
  ];
  test.each(bad)('%o', (environment, message) => {
    expect(() => load(environment)).toThrow(message);
  });

  test.each([
    { DATABASE_URL: 'mysql://me:hunter2@127.0.0.1/x' },
    { DATABASE_URL: 'hunter2' },
    { API_TOKEN: 'hunter2 two' },
  ])('without showing a secret: %o', (environment) => {
    const [name = ''] = Object.keys(environment);
    expect(() => load(environment)).toThrow(new RegExp(`^${name}: got "(?!.*hunter2).*", takes `));
  });
});

describe('traces', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/' };

  test('are off until an endpoint or the exporter is named, and where they are turned off', () => {
    expect(load({ OTEL_SERVICE_NAME: 'x' }).tracing).toBeUndefined();
    expect(load({ ...endpoint, OTEL_SDK_DISABLED: 'true' }).tracing).toBeUndefined();
    expect(load({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }).tracing).toBeUndefined();
    // of no use to anybody then
    expect(load({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }).tracing).toBeUndefined();
    expect(load({ OTEL_TRACES_EXPORTER: 'otlp' }).tracing?.url).toBe('http://localhost:4318/v1/traces');
  });

  test('go where the variables say, and what is in force can be read back', () => {
    const written = {
      ...endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%2Cb, y=2',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    };
    const config = load(written);
    expect(config.tracing).toEqual({
      url: 'http://127.0.0.1:4318/v1/traces',
      headers: { 'x-key': 'a,b', y: '2' },
      serviceName: 'zoneferry',
      sampler: 'traceidratio',
      ratio: 0.25,
      everyMs: 5_000,
      mostWaiting: 2_048,
    });
    expect(loadConfig(settingsInForce(config), directory)).toEqual(config);
    const whole = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example.com/in' };
    expect(load({ ...endpoint, ...whole }).tracing?.url).toBe('https://traces.example.com/in');
  });

  test.each([
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'ftp://collector'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_SDK_DISABLED', 'perhaps'],
  ])('%s=%s ends the start', (name, value) => {
    expect(() => load({ ...endpoint, [name]: value })).toThrow(
      new RegExp(`^${name}: got "${value}", takes `),
    );
  });
});
