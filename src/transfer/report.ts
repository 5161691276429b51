import type { Clock } from '../clock.ts';
import { formatName, nameKey } from '../dns/name.ts';
import { rcodeToText, typeToText } from '../dns/types.ts';
import type { Log } from '../log.ts';
import { plainAddress } from './address-set.ts';
import type { Answer } from './answer.ts';
import type { Transport } from './edns.ts';
import type { Given, RefusedEvent, ServedEvent } from './events.ts';
import { type Refusal, refusalRcode } from './refusal.ts';
import type { Request } from './request.ts';

/** The other end of a request. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  readonly transport: Transport;
}

/** What is known of an answer when it starts. */
export type StartedAnswer = Omit<
  ServedEvent,
  'complete' | 'failure' | 'messages' | 'records' | 'bytes' | 'ms'
>;

/**
 * The log lines of this room, in the words that operators of other primaries grep for. A transfer has two: started,
 * and ended or failed; a refusal one, with its reason. Those of transfers are written once the event loop has a moment,
 * so that the client of a small answer doesn't wait for them.
 */
export class Report {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #onRefused: ((event: RefusedEvent) => void) | undefined;
  readonly #onRefusal: ((reason: string) => void) | undefined;
  #second = 0;
  #shown = 0;
  #hidden = 0;
  #pending: (() => void)[] = [];

  /**
   * @param onRefused told of the refusals that are shown
   * @param onRefusal told the reason of each refusal
   */
  constructor(
    log: Log,
    clock: Clock,
    onRefused?: (event: RefusedEvent) => void,
    onRefusal?: (reason: string) => void,
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#onRefused = onRefused;
    this.#onRefusal = onRefusal;
  }

  /** Whether what `started` tells is shown to anybody. */
  get showsTransfers(): boolean {
    return this.#log.shows?.('info') !== false;
  }

  started(answer: StartedAnswer, because: Answer['because']): void {
    if (answer.given !== 'SOA' && this.showsTransfers) this.#later(() => this.#started(answer, because));
  }

  ended(event: ServedEvent): void {
    // Most answers are SOA, which hardly anybody wants to read of.
    if (event.complete && this.#log.shows?.(isPoll(event) ? 'debug' : 'info') === false) return;
    this.#later(() => this.#ended(event));
  }

  /** A request without data for an answer. Noise from outside can't fill the disk: some lines a second are shown. */
  refused(peer: Peer, refusal: Refusal, request?: Request, key?: Buffer): void {
    this.#onRefusal?.(refusal.reason);
    if (!this.#mayShow()) return;
    const { question } = request ?? {};
    const rcode = rcodeToText(refusalRcode[refusal.reason]);
    const zone = question === undefined ? undefined : nameKey(question.name);
    const asked = question === undefined ? undefined : typeToText(question.type);
    const isTransfer = asked === 'AXFR' || asked === 'IXFR';
    const what =
      zone === undefined
        ? 'request'
        : `${isTransfer ? 'zone transfer' : 'query'} '${bare(zone)}/${asked}/IN'`;
    const verb = rcode === 'SERVFAIL' ? 'failed' : 'denied';
    const peerText = `${plainAddress(peer.address)}#${peer.port}`;
    const keyName = key === undefined ? undefined : formatName(key);
    this.#onRefused?.({
      address: plainAddress(peer.address),
      ...(key === undefined ? {} : { key: nameKey(key) }),
      ...(zone === undefined ? {} : { zone }),
      ...(asked === undefined ? {} : { asked }),
      reason: refusal.reason,
      detail: refusal.detail,
      at: this.#clock.now(),
    });
    this.#log.warn(
      {
        peer: peerText,
        transport: peer.transport,
        ...(zone === undefined ? {} : { zone }),
        ...(asked === undefined ? {} : { asked }),
        ...(keyName === undefined ? {} : { key: keyName }),
        rcode,
        reason: refusal.reason,
        ...this.#takeHidden(),
      },
      `client ${peerText}${keyName === undefined ? '' : `/key ${bare(keyName)}`}: ${what} ${verb}: ${refusal.detail} (${rcode})`,
    );
  }

  /** Something about a client that is no request: too many connections, a broken frame. */
  turnedAway(peer: Peer, reason: string): void {
    if (!this.#mayShow()) return;
    const peerText = `${plainAddress(peer.address)}#${peer.port}`;
    this.#log.warn(
      { peer: peerText, transport: peer.transport, reason, ...this.#takeHidden() },
      `client ${peerText}: connection closed: ${reason}`,
    );
  }

  #started(answer: StartedAnswer, because: Answer['because']): void {
    const { given, key } = answer;
    const signed = key === undefined ? '' : `: TSIG ${key}`;
    const line =
      given === 'up-to-date' || given === 'retry over TCP'
        ? `IXFR poll ${given}${signed} (${serials(answer)})${why(because)}`
        : `${given} started${signed} (${serials(answer)})${why(because)}`;
    this.#log.info(fieldsOf(answer), `${client(answer)}: transfer of '${bare(answer.zone)}/IN': ${line}`);
  }

  #ended(event: ServedEvent): void {
    const fields = { ...fieldsOf(event), ...countsOf(event) };
    const head = `${client(event)}: transfer of '${bare(event.zone)}/IN': ${event.given}`;
    if (isPoll(event)) {
      this.#log.debug(fields, `${head} answered (${serials(event)})`);
    } else if (event.complete) {
      this.#log.info(fields, `${head} ended: ${counts(event)} (${serials(event)})`);
    } else {
      this.#log.warn(
        { ...fields, reason: event.failure },
        `${head} failed after ${counts(event)}: ${event.failure ?? 'unknown'}; connection closed`,
      );
    }
  }

  #later(line: () => void): void {
    this.#pending.push(line);
    if (this.#pending.length > 1) return;
    setImmediate(() => {
      const lines = this.#pending;
      this.#pending = [];
      for (const write of lines) write();
    });
  }

  #mayShow(): boolean {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#shown = 0;
    }
    if (this.#shown < REFUSALS_A_SECOND) {
      this.#shown++;
      return true;
    }
    this.#hidden++;
    return false;
  }

  #takeHidden(): { hidden?: number } {
    if (this.#hidden === 0) return {};
    const hidden = this.#hidden;
    this.#hidden = 0;
    return { hidden };
  }
}

/** What is given, in one word, for logs and metrics. */
export function givenOf(answer: Answer, asked: 'SOA' | 'AXFR' | 'IXFR'): Given {
  switch (answer.kind) {
    case 'full':
      return asked === 'IXFR' ? 'AXFR-style IXFR' : 'AXFR';
    case 'incremental':
      return 'IXFR';
    case 'singleSoa':
      if (answer.because === 'asked') return 'SOA';
      return answer.because === 'udp' ? 'retry over TCP' : 'up-to-date';
  }
}

function isPoll({ given }: ServedEvent): boolean {
  return given === 'SOA' || given === 'up-to-date' || given === 'retry over TCP';
}

const REFUSALS_A_SECOND = 50;

function why(because: Answer['because']): string {
  switch (because) {
    case 'asked':
    case 'history':
    case 'up-to-date':
      return '';
    case 'client-ahead':
      return ": the client's serial is newer than ours";
    case 'udp':
      return ': the answer does not fit a datagram';
    case 'incomparable':
      return ": the client's serial is neither older nor newer (RFC 1982), falling back to AXFR";
    case 'no-history':
      return ': IXFR version not in journal, falling back to AXFR';
    case 'history-too-large':
      return ': IXFR would be larger than the zone, falling back to AXFR';
  }
}

function client(answer: StartedAnswer): string {
  const key = answer.key === undefined ? '' : `/key ${bare(answer.key)}`;
  return `client ${answer.address}#${answer.port}${key} (${answer.secondary})`;
}

function serials(answer: StartedAnswer): string {
  return answer.fromSerial === undefined
    ? `serial ${answer.serial}`
    : `serial ${answer.fromSerial} -> ${answer.serial}`;
}

function counts(event: ServedEvent): string {
  const seconds = (event.ms / 1000).toFixed(3);
  return `${event.messages} messages, ${event.records} records, ${event.bytes} bytes, ${seconds} secs`;
}

function fieldsOf(answer: StartedAnswer): Record<string, unknown> {
  return {
    zone: answer.zone,
    secondary: answer.secondary,
    peer: `${answer.address}#${answer.port}`,
    transport: answer.transport,
    ...(answer.key === undefined ? {} : { key: answer.key }),
    asked: answer.asked,
    given: answer.given,
    ...(answer.fromSerial === undefined ? {} : { fromSerial: answer.fromSerial }),
    serial: answer.serial,
    ...(answer.version.change === undefined ? {} : { change: answer.version.change }),
  };
}

function countsOf({ messages, records, bytes, ms }: ServedEvent): Record<string, unknown> {
  return { messages, records, bytes, ms };
}

/** A name as BIND writes it in its log: without the final dot. */
function bare(name: string): string {
  return name.length > 1 && name.endsWith('.') ? name.slice(0, -1) : name;
}
