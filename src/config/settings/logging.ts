import { oneOf } from '../parsers.ts';
import type { Setting } from './setting.ts';

/** The log. */
export const loggingSettings = {
  logLevel: {
    name: 'LOG_LEVEL',
    unit: 'debug, info, warn, error or silent',
    default: 'info',
    help: 'The least severe lines that are logged, on standard error.',
    ...oneOf('debug', 'info', 'warn', 'error', 'silent'),
  },
  logFormat: {
    name: 'LOG_FORMAT',
    unit: 'json or pretty',
    default: 'json',
    help: 'json for machines, pretty for people.',
    ...oneOf('json', 'pretty'),
  },
} as const satisfies Record<string, Setting<unknown>>;
