import { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

/** Named values of a log line; an `err` field is shown with its stack. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where everything in the service writes what people should know. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** Whether lines of a level are written at all; where it is missing, they are. */
  shows?(level: 'debug' | 'info'): boolean;
  /** A log that adds these fields to each of its lines. */
  child(fields: LogFields): Log;
}

/** What is written to: standard error, or a test's own. */
export interface LogTarget {
  write(line: string): void;
}

/**
 * Makes the log of this process. Lines go to standard error at once, as standard output belongs to the answers of
 * the command line. Fields named like a secret are left out, passwords in URLs are starred.
 */
export function createLog(
  options: { level: 'debug' | 'info' | 'warn' | 'error' | 'silent'; format: 'json' | 'pretty' },
  target?: LogTarget,
): Log {
  const stream = target ?? pino.destination({ fd: 2, sync: true });
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
    },
    options.format === 'pretty' ? pretty(target) : stream,
  );
  return wrap(logger);
}

/** A log that writes nothing. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  shows: () => false,
  child: () => silentLog,
};

/** Stars the password of each URL in a text. */
export function hideCredentials(text: string): string {
  if (!text.includes('://')) return text;
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@?#]*):[^\s/]*@/gi, '$1:***@');
}

const SECRET_FIELD = /secret|password|passwd|token|authorization|cookie|private_?key/i;

function redactFields(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, redact(name, value, 0)]));
}

function redact(name: string, value: unknown, depth: number): unknown {
  if (typeof value === 'number' || value === undefined) return value;
  if (isSecret(name)) return '***';
  if (typeof value === 'string') return hideCredentials(value);
  if (value instanceof Error) return describeError(value);
  if (Buffer.isBuffer(value) || value instanceof Date) return value;
  if (typeof value !== 'object' || value === null || depth > 4) return value;
  if (Array.isArray(value)) return value.map((item) => redact('', item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(key, item, depth + 1)]));
}

/** The names of fields are few, and come with each line again. */
function isSecret(name: string): boolean {
  let secret = secretNames.get(name);
  if (secret === undefined) {
    secret = SECRET_FIELD.test(name);
    if (secretNames.size < 1000) secretNames.set(name, secret);
  }
  return secret;
}

const secretNames = new Map<string, boolean>();

function describeError(error: Error): Record<string, unknown> {
  const code = 'code' in error ? { code: error.code } : {};
  return {
    type: error.name,
    message: hideCredentials(error.message),
    ...code,
    stack: hideCredentials(error.stack ?? ''),
  };
}

function pretty(target: LogTarget | undefined): LogTarget {
  return PinoPretty({
    colorize: target === undefined && process.stderr.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    sync: true,
    destination: target === undefined ? 2 : sink(target),
  });
}

function sink(target: LogTarget): NodeJS.WritableStream {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      target.write(chunk.toString());
      done();
    },
  });
}

function wrap(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    shows: (level) => logger.isLevelEnabled(level),
    child: (fields) => wrap(logger.child(redactFields(fields))),
  };
}
