/**
 * A tiny secondary for machines without a real one: it takes NOTIFY over UDP, pulls the zone with the same state
 * machine that the tests check transfers with, and answers questions about it. Not a name server for anything else.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Clock } from '../clock.ts';
import { applySteps } from '../dns/inbound.ts';
import {
  headerFlags,
  type Message,
  type Question,
  type ResourceRecord,
  readMessage,
} from '../dns/message.ts';
import { absoluteName, equalNames, isBelow, nameKey } from '../dns/name.ts';
import { soaSerial } from '../dns/rdata/index.ts';
import { type TsigKey, TsigSigner, tsigErrorReply, verifyRequest } from '../dns/tsig.ts';
import { CLASS_IN, OPCODE, RCODE, TYPE } from '../dns/types.ts';
import { MessageWriter } from '../dns/writer.ts';
import type { Endpoint } from '../endpoint.ts';
import { messageOf } from '../errors.ts';
import { fetchZone } from '../transfer/fetch-zone.ts';

export interface TinySecondaryOptions {
  zone: string;
  primary: Endpoint;
  key: TsigKey;
  listen: Endpoint;
  clock: Clock;
}

interface Held {
  soa: ResourceRecord;
  records: ResourceRecord[];
}

const FETCH_TIMEOUT = 5_000;
const FETCH_AGAIN = 500; // ms after a transfer that failed

export class TinySecondary {
  readonly #options: TinySecondaryOptions;
  readonly #zone: Buffer;
  readonly #stopping = new AbortController();
  readonly #said: string[] = [];
  #socket: Socket | undefined;
  #held: Held | undefined;
  #refreshing: Promise<void> | undefined;
  #again = false;
  /** After a failure the whole zone is asked for. */
  #whole = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TinySecondaryOptions) {
    this.#options = options;
    this.#zone = absoluteName(options.zone);
  }

  /** Begins to listen, and to pull the zone for the first time. */
  async start(): Promise<void> {
    const { listen } = this.#options;
    const socket = createSocket(listen.ip.includes(':') ? 'udp6' : 'udp4');
    this.#socket = socket;
    socket.bind(listen.port, listen.ip);
    await once(socket, 'listening');
    socket.on('error', (error) => this.#say(messageOf(error)));
    socket.on('message', (bytes, from) => this.#receive(bytes, from));
    this.#refresh();
  }

  /** What it did, line by line. */
  log(): string {
    return this.#said.join('\n');
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the secondary stops'));
    clearTimeout(this.#timer);
    await this.#refreshing;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket) await new Promise<void>((done) => socket.close(() => done()));
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    try {
      const message = readMessage(bytes);
      const question = message.questions[0];
      if (message.qr || message.questions.length !== 1 || question === undefined) return;
      const reply =
        message.opcode === OPCODE.NOTIFY
          ? this.#takeNotify(bytes, message, question, from)
          : this.#answer(message, question);
      this.#socket?.send(reply, from.port, from.address, () => {});
    } catch (error) {
      this.#say(`a message was left out: ${messageOf(error)}`);
    }
  }

  /** RFC 1996, 3.10 and 4.7: from the primary alone, and here signed with the key; the reply is signed as well. */
  #takeNotify(bytes: Buffer, message: Message, question: Question, from: RemoteInfo): Buffer {
    const { clock, key, primary } = this.#options;
    const verdict = verifyRequest(bytes, message, () => key, clock.now());
    if (verdict.kind !== 'good' && verdict.kind !== 'unsigned') {
      return tsigErrorReply(message, verdict, clock.now());
    }
    const welcome =
      verdict.kind === 'good' && from.address === primary.ip && equalNames(question.name, this.#zone);
    const reply = new MessageWriter({ limit: 512 })
      .header({
        id: message.id,
        flags: headerFlags({
          qr: true,
          aa: true,
          opcode: OPCODE.NOTIFY,
          rcode: welcome ? RCODE.NOERROR : RCODE.REFUSED,
        }),
      })
      .question(question.wire)
      .finish();
    if (verdict.kind !== 'good') return reply;
    if (welcome) {
      this.#say('NOTIFY taken');
      this.#refresh();
    }
    return new TsigSigner(key, { requestMac: verdict.mac, clock }).sign(reply);
  }

  #answer(message: Message, question: Question): Buffer {
    const held = this.#held;
    const isOurs = isBelow(question.name, this.#zone) && question.class === CLASS_IN;
    const found = held && isOurs ? lookUp(held, question) : undefined;
    const rcode =
      found?.rcode ?? (isOurs && message.opcode === OPCODE.QUERY ? RCODE.SERVFAIL : RCODE.REFUSED);
    const writer = new MessageWriter({ limit: 1232 })
      .header({
        id: message.id,
        flags: headerFlags({ qr: true, aa: found !== undefined, rd: message.rd, rcode }),
      })
      .question(question.wire);
    for (const { name, type, ttl, rdata } of found?.answers ?? [])
      writer.record(name, type, CLASS_IN, ttl, rdata);
    if (held && found && found.answers.length === 0)
      writer.record(held.soa.name, TYPE.SOA, CLASS_IN, held.soa.ttl, held.soa.rdata, 'authority');
    if (message.opt !== undefined) writer.opt({ udpSize: 1232 });
    return writer.finish();
  }

  /** One transfer at a time; a NOTIFY that comes meanwhile is followed by another. */
  #refresh(): void {
    this.#again = true;
    this.#refreshing ??= this.#pull().finally(() => {
      this.#refreshing = undefined;
    });
  }

  async #pull(): Promise<void> {
    while (this.#again && !this.#stopping.signal.aborted) {
      this.#again = false;
      try {
        await this.#pullOnce();
        this.#whole = false;
      } catch (error) {
        this.#whole = true;
        if (this.#stopping.signal.aborted) return;
        this.#say(`transfer failed: ${messageOf(error)}`);
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#refresh(), FETCH_AGAIN);
      }
    }
  }

  async #pullOnce(): Promise<void> {
    const { primary, key, clock } = this.#options;
    const held = this.#held;
    const result = await fetchZone({
      primary,
      zone: this.#zone,
      key,
      clock,
      timeoutMs: FETCH_TIMEOUT,
      signal: this.#stopping.signal,
      ...(held === undefined || this.#whole ? {} : { haveSerial: soaSerial(held.soa.rdata) }),
    });
    if (result.kind === 'axfr') this.#held = { soa: result.soa, records: result.records };
    if (result.kind === 'ixfr' && held)
      this.#held = { soa: result.soa, records: applySteps(held.records, result.steps) };
    this.#say(`${result.kind}, now at serial ${soaSerial(result.soa.rdata)}`);
  }

  #say(line: string): void {
    this.#said.push(line);
    if (this.#said.length > 100) this.#said.shift();
  }
}

/** RFC 1034, 4.3.2, without the cuts and wildcards that the demo's zone does not have. */
function lookUp(
  { soa, records }: Held,
  question: Question,
): { rcode: number; answers: readonly ResourceRecord[] } {
  const key = nameKey(question.name);
  const here = [soa, ...records].filter((record) => nameKey(record.name) === key);
  const answers = here.filter((record) => record.type === question.type);
  const exists = here.length > 0 || records.some((record) => isBelow(record.name, question.name));
  return { rcode: exists ? RCODE.NOERROR : RCODE.NXDOMAIN, answers };
}
