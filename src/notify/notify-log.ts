import type { Clock } from '../clock.ts';
import { rcodeToText } from '../dns/types.ts';
import type { Log, LogFields } from '../log.ts';
import type { DueNotification } from './outbox.ts';

/** Milliseconds between two lines about refusals of one secondary. */
const TELL_AGAIN = 60_000;

/** The log lines of NOTIFY. */
export class NotifyLog {
  readonly #log: Log | undefined;
  readonly #clock: Clock;
  readonly #refused = new Map<string, { rcode: number; at: number }>();

  constructor(log: Log | undefined, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  sent(row: DueNotification): void {
    if (this.#shows('debug')) this.#log?.debug(fieldsOf(row), 'NOTIFY sent');
  }

  /** @param ms from send to reply */
  answered(row: DueNotification, ms: number): void {
    if (this.#shows('info')) this.#log?.info({ ...fieldsOf(row), ms }, 'secondary answered NOTIFY');
  }

  silent(row: DueNotification, error: string): void {
    this.#log?.warn({ ...fieldsOf(row), error }, 'secondary does not answer NOTIFY');
  }

  /** One line for each new reason, not for each zone. */
  refused(row: DueNotification, rcode: number): void {
    const key = `${row.secondaryId} ${row.addressText}`;
    const now = this.#clock.now();
    const last = this.#refused.get(key);
    const fields = { ...fieldsOf(row), rcode: rcodeToText(rcode) };
    if (last?.rcode === rcode && now - last.at < TELL_AGAIN) {
      this.#log?.debug(fields, 'secondary refuses NOTIFY');
      return;
    }
    this.#refused.set(key, { rcode, at: now });
    this.#log?.warn(fields, 'secondary refuses NOTIFY');
  }

  returned({ secondary, addressText: address }: DueNotification): void {
    this.#log?.info({ secondary, address }, 'secondary answers NOTIFY again');
  }

  /** What was said of whom: secondaries come and go. */
  forget(): void {
    this.#refused.clear();
  }

  #shows(level: 'debug' | 'info'): boolean {
    return this.#log?.shows?.(level) !== false;
  }
}

function fieldsOf({ secondary, addressText, zone, serial, change }: DueNotification): LogFields {
  return { secondary, address: addressText, zone, serial, ...(change === undefined ? {} : { change }) };
}
