import { accessSync, constants, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { type Setting, settings } from './config/settings.ts';
import { readTracing, type TracingConfig, tracingInForce } from './config/tracing.ts';
import { type Endpoint, formatEndpoint, isLoopback } from './endpoint.ts';
import { messageOf, UserError } from './errors.ts';
import { hideCredentials } from './log.ts';
import { formatResolver, type ResolverAddress } from './resolver-address.ts';

export type SerialPolicy = 'increment' | 'date' | 'unixtime';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** XFR over TLS (RFC 9103); paths are absolute. */
export interface TlsConfig {
  readonly listen: readonly Endpoint[];
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

/** All settings, checked. Times are in seconds but where the name ends in `Ms`. */
export interface Config {
  /** The working directory, where `.env` and `.zoneferry/` are. */
  readonly directory: string;
  /** Unset: the embedded PostgreSQL of the directory. */
  readonly databaseUrl?: string;
  /** Unset: the queue lives in PostgreSQL. */
  readonly redisUrl?: string;
  readonly dnsListen: readonly Endpoint[];
  /** Connections over TCP and TLS at once: of all, and of one address. */
  readonly dnsConnections: { readonly all: number; readonly perAddress: number };
  /** Source addresses by family, taken from `dnsListen` where not set; may be a wildcard. */
  readonly notifyFrom: { readonly ipv4?: string; readonly ipv6?: string };
  /** Messages a second to one secondary. */
  readonly notifyRate: number;
  readonly tls?: TlsConfig;
  /** TSIG algorithms that are taken beside those with SHA-2. */
  readonly tsigLegacy: readonly ('hmac-sha1' | 'hmac-md5')[];
  readonly httpListen: Endpoint;
  /** HTTPS at `httpListen`; paths are absolute. */
  readonly httpTls?: { readonly cert: string; readonly key: string };
  readonly apiToken?: string;
  /** Requests a second of each token, and of each address without one; 0: no bound. */
  readonly apiRate: number;
  readonly httpConnections: number;
  /** Keys of TSIG secrets, 32 octets in base64 each: the first encrypts, all open; none: they are not encrypted. */
  readonly secretKeys: readonly string[];
  readonly metricsPerZone: 'auto' | 'on' | 'off';
  readonly resolvers: readonly ResolverAddress[] | 'system';
  readonly resolveTimeoutMs: number;
  readonly resolveTries: number;
  /** Questions at once, and a second, to each resolver. */
  readonly resolveConcurrency: number;
  readonly resolveRate: number | 'auto';
  /** An absolute path. */
  readonly resolveCa?: string;
  readonly resyncCron: string;
  readonly refreshMin: number;
  readonly refreshMax: number;
  readonly retryMin: number;
  /** At least `refreshMin`. */
  readonly retryMax: number;
  readonly negativeHold: number;
  readonly emptyTarget: 'withdraw' | 'hold';
  /** 0: for ever. */
  readonly maxStale: number;
  readonly onStale: 'fallback' | 'keep' | 'withdraw';
  readonly rotationLooks: number;
  readonly rotationWindow: number;
  readonly rotationFloor: number;
  readonly publishPrivate: 'on' | 'off';
  readonly publishDocumentation: 'on' | 'off';
  /** Percent of all aliases; 100: off. */
  readonly guardEmpty: number;
  readonly guardChange: number;
  readonly guardApex: 'on' | 'off';
  readonly serialPolicy: SerialPolicy;
  /** What is kept at most. */
  readonly retention: {
    /** Of each zone for IXFR: versions, bytes of records, days. */
    readonly journal: { readonly versions: number; readonly bytes: number; readonly days: number };
    /** Serials that were seen at secondaries. */
    readonly ledger: { readonly days: number; readonly rows: number };
    /** The serials of deleted zones. */
    readonly tombstoneDays: number;
  };
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'pretty';
  /** Unset: nothing is traced. */
  readonly tracing?: TracingConfig;
}

/**
 * Reads every setting from the environment and from `.env` in the working directory (the environment wins; an
 * empty value counts as unset), checks all of them once and freezes the result.
 *
 * @throws UserError `NAME: got "…", takes …` for the first bad one
 */
export function loadConfig(
  environment: Readonly<Record<string, string | undefined>>,
  directory: string,
): Config {
  const texts = { ...readEnvFile(join(directory, '.env')), ...withoutEmpty(environment) };
  const read = <T>(setting: Setting<T>): T | undefined => parse(setting, texts);
  const must = <T>(setting: Setting<T>): T => parse(setting, texts) as T;

  const dnsListen = must(settings.dnsListen);
  const refreshMin = must(settings.refreshMin);
  const config: Config = {
    directory: resolve(directory),
    ...optional('databaseUrl', read(settings.databaseUrl)),
    ...optional('redisUrl', read(settings.redisUrl)),
    dnsListen,
    dnsConnections: {
      all: must(settings.dnsConnections),
      perAddress: must(settings.dnsConnectionsPerAddress),
    },
    notifyFrom: read(settings.notifyFrom) ?? firstOfEachFamily(dnsListen),
    notifyRate: must(settings.notifyRate),
    ...optional('tls', readTls(texts, directory)),
    tsigLegacy: read(settings.tsigLegacy) ?? [],
    httpListen: must(settings.httpListen),
    ...optional('httpTls', readHttpTls(texts, directory)),
    ...optional('apiToken', read(settings.apiToken)),
    apiRate: must(settings.apiRate),
    httpConnections: must(settings.httpConnections),
    secretKeys: read(settings.secretKey) ?? [],
    metricsPerZone: must(settings.metricsPerZone),
    resolvers: must(settings.resolvers),
    resolveTimeoutMs: must(settings.resolveTimeoutMs),
    resolveTries: must(settings.resolveTries),
    resolveConcurrency: must(settings.resolveConcurrency),
    resolveRate: must(settings.resolveRate),
    ...optional('resolveCa', readableFile(settings.resolveCa, texts, directory)),
    resyncCron: must(settings.resyncCron),
    refreshMin,
    refreshMax: must(settings.refreshMax),
    retryMin: must(settings.retryMin),
    retryMax: Math.max(must(settings.retryMax), refreshMin),
    negativeHold: must(settings.negativeHold),
    emptyTarget: must(settings.emptyTarget),
    maxStale: must(settings.maxStale),
    onStale: must(settings.onStale),
    rotationLooks: must(settings.rotationLooks),
    rotationWindow: must(settings.rotationWindow),
    rotationFloor: must(settings.rotationFloor),
    publishPrivate: must(settings.publishPrivate),
    publishDocumentation: must(settings.publishDocumentation),
    guardEmpty: must(settings.guardEmpty),
    guardChange: must(settings.guardChange),
    guardApex: must(settings.guardApex),
    serialPolicy: must(settings.serialPolicy),
    retention: {
      journal: {
        versions: must(settings.journalVersions),
        bytes: must(settings.journalBytes),
        days: must(settings.journalDays),
      },
      ledger: { days: must(settings.ledgerDays), rows: must(settings.ledgerRows) },
      tombstoneDays: must(settings.tombstoneDays),
    },
    logLevel: must(settings.logLevel),
    logFormat: must(settings.logFormat),
    ...optional('tracing', readTracing(read)),
  };
  checkTogether(config, must(settings.retryMax));
  return deepFreeze(config);
}

/**
 * The settings in force, as text by name, for `zoneferry env`: unset ones without a default are left out.
 * Secrets stand in full, as that command exists to hand them on.
 */
export function settingsInForce(config: Config): Record<string, string> {
  const { tls, notifyFrom, resolvers } = config;
  const list = (items: readonly Endpoint[]) => items.map(formatEndpoint).join(',');
  const values: Record<string, string | number | undefined> = {
    DATABASE_URL: config.databaseUrl,
    REDIS_URL: config.redisUrl,
    DNS_LISTEN: list(config.dnsListen),
    DNS_CONNECTIONS: config.dnsConnections.all,
    DNS_CONNECTIONS_PER_ADDRESS: config.dnsConnections.perAddress,
    NOTIFY_FROM: [notifyFrom.ipv4, notifyFrom.ipv6].filter((ip) => ip !== undefined).join(','),
    NOTIFY_RATE: config.notifyRate,
    TLS_LISTEN: tls && list(tls.listen),
    TLS_CERT: tls?.cert,
    TLS_KEY: tls?.key,
    TLS_CLIENT_CA: tls?.clientCa,
    TSIG_LEGACY: config.tsigLegacy.join(','),
    HTTP_LISTEN: formatEndpoint(config.httpListen),
    HTTP_TLS_CERT: config.httpTls?.cert,
    HTTP_TLS_KEY: config.httpTls?.key,
    API_TOKEN: config.apiToken,
    API_RATE: config.apiRate,
    HTTP_CONNECTIONS: config.httpConnections,
    SECRET_KEY: config.secretKeys.join(','),
    METRICS_PER_ZONE: config.metricsPerZone,
    RESOLVERS: resolvers === 'system' ? resolvers : resolvers.map(formatResolver).join(','),
    RESOLVE_TIMEOUT_MS: config.resolveTimeoutMs,
    RESOLVE_TRIES: config.resolveTries,
    RESOLVE_CONCURRENCY: config.resolveConcurrency,
    RESOLVE_RATE: config.resolveRate,
    RESOLVE_CA: config.resolveCa,
    RESYNC_CRON: config.resyncCron,
    REFRESH_MIN: config.refreshMin,
    REFRESH_MAX: config.refreshMax,
    RETRY_MIN: config.retryMin,
    RETRY_MAX: config.retryMax,
    NEGATIVE_HOLD: config.negativeHold,
    EMPTY_TARGET: config.emptyTarget,
    MAX_STALE: config.maxStale,
    ON_STALE: config.onStale,
    ROTATION_LOOKS: config.rotationLooks,
    ROTATION_WINDOW: config.rotationWindow,
    ROTATION_FLOOR: config.rotationFloor,
    PUBLISH_PRIVATE: config.publishPrivate,
    PUBLISH_DOCUMENTATION: config.publishDocumentation,
    GUARD_EMPTY: `${config.guardEmpty}%`,
    GUARD_CHANGE: `${config.guardChange}%`,
    GUARD_APEX: config.guardApex,
    SERIAL_POLICY: config.serialPolicy,
    JOURNAL_VERSIONS: config.retention.journal.versions,
    JOURNAL_BYTES: config.retention.journal.bytes,
    JOURNAL_DAYS: config.retention.journal.days,
    LEDGER_DAYS: config.retention.ledger.days,
    LEDGER_ROWS: config.retention.ledger.rows,
    TOMBSTONE_DAYS: config.retention.tombstoneDays,
    LOG_LEVEL: config.logLevel,
    LOG_FORMAT: config.logFormat,
    ...(config.tracing && tracingInForce(config.tracing)),
  };
  const present = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(present.map(([name, value]) => [name, String(value)]));
}

/** The error of a setting whose value can't be used, also for those who learn it later, like a taken port. */
export function badSetting(name: string, got: string, takes: string): UserError {
  return new UserError(`${name}: got "${got}", takes ${takes}`);
}

type Texts = Readonly<Record<string, string | undefined>>;

function readEnvFile(file: string): Texts {
  try {
    return withoutEmpty(parseEnv(readFileSync(file, 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new UserError(`${file} can't be read: ${messageOf(error)}`);
  }
}

function withoutEmpty(texts: Texts): Texts {
  return Object.fromEntries(
    Object.entries(texts).filter(([, text]) => text !== undefined && text.trim() !== ''),
  );
}

function parse<T>(setting: Setting<T>, texts: Texts): T | undefined {
  const text = texts[setting.name]?.trim() ?? setting.default;
  if (text === undefined) return undefined;
  const value = setting.parse(text);
  if (value === undefined) throw badSetting(setting.name, shown(setting, text), setting.takes);
  return value;
}

function shown(setting: Setting<unknown>, text: string): string {
  if (!setting.secret) return text;
  // Outside a well-formed URL nobody can say where the password is.
  return /^[a-z+]+:\/\//i.test(text) ? hideCredentials(text) : '(hidden)';
}

function readTls(texts: Texts, directory: string): TlsConfig | undefined {
  const listen = parse<readonly Endpoint[]>(settings.tlsListen, texts);
  if (listen === undefined) return undefined;
  const file = (setting: Setting<string>) => readableFile(setting, texts, directory);
  const cert = file(settings.tlsCert);
  const key = file(settings.tlsKey);
  if (cert === undefined) throw badSetting('TLS_CERT', '', `${settings.tlsCert.takes}, as TLS_LISTEN is set`);
  if (key === undefined) throw badSetting('TLS_KEY', '', `${settings.tlsKey.takes}, as TLS_LISTEN is set`);
  return { listen, cert, key, ...optional('clientCa', file(settings.tlsClientCa)) };
}

function readHttpTls(texts: Texts, directory: string): Config['httpTls'] {
  const cert = readableFile(settings.httpTlsCert, texts, directory);
  const key = readableFile(settings.httpTlsKey, texts, directory);
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined)
    throw badSetting('HTTP_TLS_CERT', '', `${settings.httpTlsCert.takes}, as HTTP_TLS_KEY is set`);
  if (key === undefined)
    throw badSetting('HTTP_TLS_KEY', '', `${settings.httpTlsKey.takes}, as HTTP_TLS_CERT is set`);
  return { cert, key };
}

/** The absolute path of a setting's file. */
function readableFile(setting: Setting<string>, texts: Texts, directory: string): string | undefined {
  const written = parse(setting, texts);
  if (written === undefined) return undefined;
  const absolute = resolve(directory, written);
  try {
    accessSync(absolute, constants.R_OK);
  } catch {
    throw badSetting(setting.name, written, setting.takes);
  }
  return absolute;
}

function firstOfEachFamily(listen: readonly Endpoint[]): { ipv4?: string; ipv6?: string } {
  const first = (family: number) => listen.find(({ ip }) => isIP(ip) === family)?.ip;
  return { ...optional('ipv4', first(4)), ...optional('ipv6', first(6)) };
}

function checkTogether(config: Config, retryMaxWritten: number): void {
  const { refreshMin, refreshMax, retryMin, httpListen } = config;
  if (refreshMax < refreshMin) {
    throw badSetting(
      'REFRESH_MAX',
      String(refreshMax),
      `seconds not below REFRESH_MIN, which is ${refreshMin}`,
    );
  }
  if (config.retryMax < retryMin) {
    throw badSetting(
      'RETRY_MAX',
      String(retryMaxWritten),
      `seconds not below RETRY_MIN, which is ${retryMin}`,
    );
  }
  if (config.apiToken === undefined && !isLoopback(httpListen.ip)) {
    throw badSetting(
      'HTTP_LISTEN',
      formatEndpoint(httpListen),
      'a loopback address while API_TOKEN is unset; set API_TOKEN to listen elsewhere',
    );
  }
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part);
  }
  return Object.freeze(value);
}
