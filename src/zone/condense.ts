import { type JournalStep, packedRecordEnd } from './version.ts';

/**
 * A chain of changes as one (RFC 1995, section 5): what was added and went again, or went and came back, is in neither list.
 * Records are the same only octet for octet, TTL and case included, so that what is deleted is what secondaries hold. Takes the steps
 * one by one, oldest first, each following on the one before; `finish` is the change from the first to the last.
 */
export class Condenser {
  #first: JournalStep | undefined;
  #last: JournalStep | undefined;
  readonly #deleted = new Map<string, Buffer>();
  readonly #added = new Map<string, Buffer>();

  add(step: JournalStep): void {
    this.#first ??= step;
    this.#last = step;
    for (const [key, record] of records(step.deleted)) {
      if (!this.#added.delete(key)) this.#deleted.set(key, record);
    }
    for (const [key, record] of records(step.added)) {
      if (!this.#deleted.delete(key)) this.#added.set(key, record);
    }
  }

  /** @throws Error where no step was added */
  finish(): JournalStep {
    if (this.#first === undefined || this.#last === undefined) throw new Error('nothing to condense');
    return {
      fromSerial: this.#first.fromSerial,
      oldSoa: this.#first.oldSoa,
      oldSoaTtl: this.#first.oldSoaTtl,
      toSerial: this.#last.toSerial,
      newSoa: this.#last.newSoa,
      newSoaTtl: this.#last.newSoaTtl,
      deleted: Buffer.concat([...this.#deleted.values()]),
      added: Buffer.concat([...this.#added.values()]),
    };
  }
}

function* records(packed: Buffer): Generator<[key: string, record: Buffer]> {
  for (let at = 0; at < packed.length; ) {
    const end = packedRecordEnd(packed, at);
    yield [packed.toString('latin1', at, end), packed.subarray(at, end)];
    at = end;
  }
}
