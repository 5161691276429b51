import type { Log, LogFields } from '../../src/log.ts';

/** A log that keeps its lines. */
export class KeptLog implements Log {
  readonly lines: { level: string; fields: LogFields; message: string }[] = [];

  debug(fields: LogFields, message: string): void {
    this.lines.push({ level: 'debug', fields, message });
  }

  info(fields: LogFields, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }

  warn(fields: LogFields, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }

  error(fields: LogFields, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }

  child(): Log {
    return this;
  }

  find(part: string): { level: string; fields: LogFields; message: string } | undefined {
    return this.lines.find((line) => line.message.includes(part));
  }
}
