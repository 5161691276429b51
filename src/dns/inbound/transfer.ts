/**
 * Receiving zone transfers (RFC 5936, RFC 1995): a state machine fed with messages, without a socket. It is strict,
 * since what it is for is to find out whether a transfer is right; each way to be wrong has a fault of its own.
 */
import type { Message, ResourceRecord } from '../message.ts';
import { canonicalRdata, soaSerial } from '../rdata/index.ts';
import { compareSerial, isNewer } from '../serial.ts';
import { TYPE } from '../types.ts';
import { checkMessage, checkRecord, type Expected } from './check.ts';
import { TransferError } from './transfer-error.ts';

export interface InboundStep {
  /** The SOA before and after the step. */
  from: ResourceRecord;
  to: ResourceRecord;
  /** Without the SOAs. */
  deleted: ResourceRecord[];
  added: ResourceRecord[];
}

export type InboundResult =
  /** A whole zone; `records` without its SOA. Comes to IXFR too. */
  | { kind: 'axfr'; soa: ResourceRecord; records: ResourceRecord[] }
  /** The primary's serial is not newer than ours: the only SOA came. */
  | { kind: 'up-to-date'; soa: ResourceRecord }
  /** The way from our serial to that of `soa`, oldest step first. */
  | { kind: 'ixfr'; soa: ResourceRecord; steps: InboundStep[] }
  /** Over UDP only: the answer did not fit, ask again over TCP (RFC 1995, 2). */
  | { kind: 'retry-over-tcp'; soa: ResourceRecord };

export interface InboundOptions extends Expected {
  /** The serial that an IXFR asked from. */
  haveSerial?: number;
  /** The reply comes over UDP: one message is all (RFC 1995, 2). */
  udp?: boolean;
  /** Records to take at most, against a primary without end. */
  maxRecords?: number;
  /** Octets of their names and data to take at most: a short message unfolds into many. */
  maxOctets?: number;
}

type State = 'first SOA' | 'second record' | 'whole zone' | 'deleting' | 'adding' | 'done';

export class InboundTransfer {
  readonly #options: InboundOptions;
  readonly #records: ResourceRecord[] = [];
  readonly #steps: InboundStep[] = [];
  #state: State = 'first SOA';
  #messages = 0;
  #count = 0;
  #octets = 0;
  #soa: ResourceRecord | undefined;
  #result: InboundResult | undefined;

  constructor(options: InboundOptions) {
    if ((options.kind === 'IXFR') !== (options.haveSerial !== undefined)) {
      throw new TypeError('haveSerial belongs to IXFR, and to IXFR alone');
    }
    this.#options = options;
  }

  /**
   * Takes the next message of the reply.
   *
   * @throws TransferError: the transfer is void and the connection is to be closed
   */
  message(message: Message): 'more' | 'done' {
    if (this.#state === 'done') {
      throw new TransferError('message after the end', 'a message came after the last SOA');
    }
    checkMessage(message, this.#options, this.#messages === 0);
    this.#messages++;
    for (const record of message.answers) this.#take(record);
    if (this.#messages === 1) this.#judgeLoneSoa();
    return this.#result === undefined ? 'more' : 'done';
  }

  /** To be called where the connection ended. Throws TransferError unless the transfer is complete. */
  end(): InboundResult {
    if (this.#result !== undefined) return this.#result;
    throw new TransferError(
      'ended early',
      `the transfer ended before its last SOA, after ${this.#count} records`,
    );
  }

  /** The outcome, once `message` gave `done`. */
  get result(): InboundResult | undefined {
    return this.#result;
  }

  #take(record: ResourceRecord): void {
    checkRecord(record, this.#options);
    const { maxRecords = Infinity, maxOctets = Infinity } = this.#options;
    if (++this.#count > maxRecords) {
      throw new TransferError('over the limit', `more than ${maxRecords} records came`);
    }
    this.#octets += record.name.length + record.rdata.length;
    if (this.#octets > maxOctets) {
      throw new TransferError('over the limit', `more than ${maxOctets} octets of names and data came`);
    }
    if (this.#state === 'done') {
      throw new TransferError('records after the end', 'records came after the last SOA');
    }
    if (this.#state === 'first SOA') this.#takeFirst(record);
    else if (this.#state === 'second record') this.#takeSecond(record);
    else if (this.#state === 'whole zone') this.#takeOfZone(record);
    else this.#takeOfStep(record);
  }

  #takeFirst(record: ResourceRecord): void {
    if (record.type !== TYPE.SOA) {
      throw new TransferError('no first SOA', "the first record is not the zone's SOA");
    }
    this.#soa = record;
    this.#state = 'second record';
  }

  /** A SOA in the second place makes a reply to IXFR incremental (RFC 1995, 4). */
  #takeSecond(record: ResourceRecord): void {
    if (this.#options.kind === 'AXFR' || record.type !== TYPE.SOA) {
      this.#state = 'whole zone';
      this.#takeOfZone(record);
      return;
    }
    const serial = soaSerial(record.rdata);
    if (serial !== this.#options.haveSerial) {
      throw new TransferError(
        'wrong start of the history',
        `the history starts at serial ${serial}, asked was ${this.#options.haveSerial}`,
      );
    }
    this.#begin(record);
  }

  #takeOfZone(record: ResourceRecord): void {
    if (record.type !== TYPE.SOA) {
      this.#records.push(record);
      return;
    }
    if (!equalSoa(record, this.#soa!)) {
      throw new TransferError('last SOA differs', 'the last SOA is not the first one (RFC 5936, 2.2)');
    }
    this.#finish({ kind: 'axfr', soa: this.#soa!, records: this.#records });
  }

  #takeOfStep(record: ResourceRecord): void {
    const step = this.#steps.at(-1)!;
    if (record.type !== TYPE.SOA) {
      (this.#state === 'deleting' ? step.deleted : step.added).push(record);
      return;
    }
    if (this.#state === 'deleting') {
      checkProgress(step.from, record);
      step.to = record;
      this.#state = 'adding';
      return;
    }
    // A SOA behind additions begins the next step, or ends the transfer.
    if (soaSerial(step.to.rdata) === soaSerial(this.#soa!.rdata)) {
      if (!equalSoa(record, this.#soa!) || !equalSoa(step.to, this.#soa!)) {
        throw new TransferError('last SOA differs', 'the last SOA is not the first one (RFC 1995, 4)');
      }
      this.#finish({ kind: 'ixfr', soa: this.#soa!, steps: this.#steps });
      return;
    }
    if (!equalSoa(record, step.to)) {
      throw new TransferError(
        'gap in the history',
        `a step ends at serial ${soaSerial(step.to.rdata)}, the next starts at ${soaSerial(record.rdata)}`,
      );
    }
    this.#begin(record);
  }

  #begin(from: ResourceRecord): void {
    this.#steps.push({ from, to: from, deleted: [], added: [] });
    this.#state = 'deleting';
  }

  /** What a SOA alone in the first message means (RFC 1995, 2 and 4). */
  #judgeLoneSoa(): void {
    const { haveSerial, udp } = this.#options;
    if (this.#state === 'second record' && haveSerial !== undefined) {
      const order = compareSerial(soaSerial(this.#soa!.rdata), haveSerial);
      if (order === 'equal' || order === 'older') this.#finish({ kind: 'up-to-date', soa: this.#soa! });
      else if (udp === true) this.#finish({ kind: 'retry-over-tcp', soa: this.#soa! });
      // Over TCP, the rest may come in further messages.
    }
    if (udp === true && this.#state !== 'done') this.end();
  }

  #finish(result: InboundResult): void {
    this.#result = result;
    this.#state = 'done';
  }
}

function checkProgress(from: ResourceRecord, to: ResourceRecord): void {
  const [before, after] = [soaSerial(from.rdata), soaSerial(to.rdata)];
  if (!isNewer(after, before)) {
    throw new TransferError(
      'history without progress',
      `a step leads from serial ${before} to ${after}, which is not newer (RFC 1982)`,
    );
  }
}

/** Names inside may differ in case; every field else, TTL included, is the same. */
function equalSoa(a: ResourceRecord, b: ResourceRecord): boolean {
  return a.ttl === b.ttl && canonicalRdata(TYPE.SOA, a.rdata).equals(canonicalRdata(TYPE.SOA, b.rdata));
}
