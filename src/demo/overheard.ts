import type { Log, LogFields } from '../log.ts';

/** A transfer that ended well, as the service's log tells it. */
export interface Transfer {
  given: string;
  fromSerial?: number;
  serial: number;
  messages: number;
  records: number;
  bytes: number;
  key?: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/** The service's log on its way: transfers and looks are picked out of it, and its last complaints kept. */
export class Overheard {
  readonly transfers: Transfer[] = [];
  /** When each target was last said to have changed, by name. */
  readonly changes = new Map<string, number>();
  readonly complaints: string[] = [];

  /** A log that passes everything on to `log`. */
  listenTo(log: Log): Log {
    return {
      debug: (fields, message) => log.debug(fields, message),
      info: (fields, message) => {
        this.#take(fields);
        log.info(fields, message);
      },
      warn: (fields, message) => {
        this.#complain(message, fields);
        log.warn(fields, message);
      },
      error: (fields, message) => {
        this.#complain(message, fields);
        log.error(fields, message);
      },
      child: (fields) => this.listenTo(log.child(fields)),
    };
  }

  #take(fields: LogFields): void {
    const { given, serial, fromSerial, messages, records, bytes, key, target } = fields;
    if (typeof target === 'string' && Array.isArray(fields.a)) this.changes.set(target, Date.now());
    // a transfer has counts when it has ended
    if (typeof given !== 'string' || typeof serial !== 'number' || typeof bytes !== 'number') return;
    this.transfers.push({
      given,
      serial,
      messages: Number(messages),
      records: Number(records),
      bytes,
      at: Date.now(),
      ...(typeof fromSerial === 'number' ? { fromSerial } : {}),
      ...(typeof key === 'string' ? { key } : {}),
    });
  }

  #complain(message: string, { error }: LogFields): void {
    this.complaints.push(typeof error === 'string' ? `${message}: ${error}` : message);
    if (this.complaints.length > 10) this.complaints.shift();
  }
}
