/**
 * A small recursive resolver that makes everything up: names with addresses or a CNAME, set and moved while it runs.
 * It answers on one loopback port, over UDP and TCP, as a real one would: chains in one answer, negative answers
 * with a SOA, truncation, TTLs that count down as in a cache.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { FrameReader, frame } from '../dns/framer.ts';
import { type EdnsOption, headerFlags, type Message, type Question, readMessage } from '../dns/message.ts';
import { absoluteName, nameKey, parentName } from '../dns/name.ts';
import { encodeSoa, parseRdata } from '../dns/rdata/index.ts';
import { CLASS_IN, RCODE, TYPE } from '../dns/types.ts';
import { MessageWriter } from '../dns/writer.ts';
import type { Endpoint } from '../endpoint.ts';

/** What a name has. With a CNAME the addresses don't count. */
export interface UpstreamEntry {
  A?: readonly string[];
  AAAA?: readonly string[];
  CNAME?: string;
  /** Seconds, default 60. */
  ttl?: number;
}

export type Transport = 'udp' | 'tcp';

export interface UpstreamAnswer {
  rcode: number;
  answers: { name: Buffer; type: number; ttl: number; rdata: Buffer }[];
  /** Whether a SOA goes along, as with every "no". */
  negative: boolean;
  /** Whose SOA that is; default: of the name above the one that the chain ends at. */
  zone?: Buffer;
  /** What else is said where the question has an OPT, as extended errors (RFC 8914). */
  options?: readonly EdnsOption[];
}

export class DemoUpstream {
  /** Whether each answer begins with another address. */
  rotate = false;
  /** Whether TTLs count down, as those of a cache that asks again when they end. */
  countDown = false;

  readonly #entries = new Map<string, { entry: UpstreamEntry; since: number }>();
  readonly #counts = new Map<string, number>();
  readonly #connections = new Set<Socket>();
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  #endpoint: Endpoint | undefined;
  #turn = 0;

  /** Begins to answer on a free port. */
  async start(ip = '127.0.0.1'): Promise<Endpoint> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#listen(ip);
      } catch (error) {
        await this.close();
        // The port that UDP got may be taken on TCP.
        if (attempt === 9) throw error;
      }
    }
  }

  /** Where it listens. */
  get endpoint(): Endpoint {
    if (this.#endpoint === undefined) throw new Error('the upstream is not started');
    return this.#endpoint;
  }

  /** Gives a name what it has from now on. Nothing of it is cached: the next answer holds it. */
  set(name: string, entry: UpstreamEntry): void {
    this.#entries.set(nameKey(absoluteName(name)), { entry, since: performance.now() });
  }

  /** Makes a name one that does not exist. */
  remove(name: string): void {
    this.#entries.delete(nameKey(absoluteName(name)));
  }

  /** Questions received: for this name, and this type, where they are given. */
  count(name?: string, type?: 'A' | 'AAAA'): number {
    const key = name === undefined ? undefined : nameKey(absoluteName(name));
    let sum = 0;
    for (const [asked, count] of this.#counts) {
      const [askedName, askedType] = asked.split(' ');
      if ((key ?? askedName) === askedName && (type ?? askedType) === askedType) sum += count;
    }
    return sum;
  }

  /** Forgets the counts. */
  resetCounts(): void {
    this.#counts.clear();
  }

  async close(): Promise<void> {
    const udp = this.#udp;
    const tcp = this.#tcp;
    this.#udp = undefined;
    this.#tcp = undefined;
    for (const connection of this.#connections) connection.destroy();
    if (udp !== undefined) await new Promise<void>((done) => udp.close(() => done()));
    if (tcp?.listening) await new Promise<void>((done) => tcp.close(() => done()));
  }

  /** What the entries say to a question. */
  protected answer(question: Question): UpstreamAnswer {
    const answers: UpstreamAnswer['answers'] = [];
    let name = question.name;
    for (let links = 0; links < 32; links++) {
      const known = this.#entries.get(nameKey(name));
      if (known === undefined) return { rcode: RCODE.NXDOMAIN, answers, negative: true };
      const ttl = this.#ttl(known);
      const { CNAME: target, A: ipv4 = [], AAAA: ipv6 = [] } = known.entry;
      if (target === undefined) {
        const addresses = question.type === TYPE.A ? ipv4 : question.type === TYPE.AAAA ? ipv6 : [];
        for (const text of this.#inTurn(addresses)) {
          answers.push({ name, type: question.type, ttl, rdata: parseRdata(question.type, text) });
        }
        return { rcode: RCODE.NOERROR, answers, negative: addresses.length === 0 };
      }
      const next = absoluteName(target);
      answers.push({ name, type: TYPE.CNAME, ttl, rdata: next });
      name = next;
    }
    return { rcode: RCODE.NOERROR, answers, negative: false };
  }

  /** The reply's octets; undefined: none at all. Where it doesn't fit, it is truncated to the question alone. */
  protected respond(query: Message, transport: Transport): Buffer | undefined {
    const question = query.questions[0]!;
    return encodeUpstreamReply(query, this.answer(question), transport);
  }

  /** Sends a reply; the place to hold it up. */
  protected deliver(send: () => void, _query: Message): void {
    send();
  }

  async #listen(ip: string): Promise<Endpoint> {
    const udp = createSocket(ip.includes(':') ? 'udp6' : 'udp4');
    this.#udp = udp;
    udp.on('message', (bytes, from) => this.#fromUdp(udp, bytes, from));
    udp.bind(0, ip);
    await once(udp, 'listening');
    const { port } = udp.address();
    const tcp = createServer((connection) => this.#fromTcp(connection));
    this.#tcp = tcp;
    tcp.listen(port, ip);
    await once(tcp, 'listening');
    this.#endpoint = { ip, port };
    return this.#endpoint;
  }

  #fromUdp(udp: UdpSocket, bytes: Buffer, from: RemoteInfo): void {
    const query = this.#read(bytes);
    if (query === undefined) return;
    const reply = this.respond(query, 'udp');
    if (reply === undefined) return;
    this.deliver(() => {
      if (this.#udp === udp) udp.send(reply, from.port, from.address, () => {});
    }, query);
  }

  #fromTcp(connection: Socket): void {
    const frames = new FrameReader();
    this.#connections.add(connection);
    connection.on('close', () => this.#connections.delete(connection));
    connection.on('error', () => connection.destroy());
    connection.on('data', (chunk) => {
      try {
        for (const bytes of frames.push(chunk)) {
          const query = this.#read(bytes);
          const reply = query && this.respond(query, 'tcp');
          if (reply !== undefined) this.deliver(() => connection.write(frame(reply)), query!);
        }
      } catch {
        connection.destroy();
      }
    });
  }

  #read(bytes: Buffer): Message | undefined {
    try {
      const query = readMessage(bytes);
      const question = query.questions[0];
      if (query.qr || question === undefined) return undefined;
      const type = question.type === TYPE.A ? 'A' : question.type === TYPE.AAAA ? 'AAAA' : question.type;
      const asked = `${nameKey(question.name)} ${type}`;
      this.#counts.set(asked, (this.#counts.get(asked) ?? 0) + 1);
      return query;
    } catch {
      return undefined;
    }
  }

  #ttl({ entry, since }: { entry: UpstreamEntry; since: number }): number {
    const ttl = entry.ttl ?? 60;
    if (!this.countDown || ttl === 0) return ttl;
    return ttl - (Math.floor((performance.now() - since) / 1000) % ttl);
  }

  #inTurn(addresses: readonly string[]): readonly string[] {
    if (!this.rotate || addresses.length < 2) return addresses;
    const first = this.#turn++ % addresses.length;
    return [...addresses.slice(first), ...addresses.slice(0, first)];
  }
}

/** Writes an answer to a query as octets, truncated where the transport has no room for it. */
export function encodeUpstreamReply(query: Message, answer: UpstreamAnswer, transport: Transport): Buffer {
  const limit = transport === 'tcp' ? 65_535 : Math.max(512, query.opt?.udpSize ?? 512);
  const write = (truncated: boolean) => {
    const writer = new MessageWriter({ limit }).header({
      id: query.id,
      flags: headerFlags({ qr: true, rd: query.rd, ra: true, tc: truncated, rcode: answer.rcode }),
    });
    writer.question(query.questions[0]!.wire);
    let fits = true;
    if (!truncated) {
      for (const { name, type, ttl, rdata } of answer.answers) {
        fits = fits && writer.record(name, type, CLASS_IN, ttl, rdata);
      }
      const zone = answer.zone ?? parentName(endOf(query, answer));
      if (answer.negative) fits = fits && writer.record(zone, TYPE.SOA, CLASS_IN, 30, SOA, 'authority');
    }
    if (query.opt !== undefined)
      fits = writer.opt({ udpSize: 1232, options: [...(answer.options ?? [])] }) && fits;
    return fits ? writer.finish() : undefined;
  };
  return write(false) ?? write(true)!;
}

/** The last name of the chain. */
function endOf(query: Message, { answers }: UpstreamAnswer): Buffer {
  return answers.findLast(({ type }) => type === TYPE.CNAME)?.rdata ?? query.questions[0]!.name;
}

const SOA = encodeSoa({
  mname: absoluteName('ns.example.net'),
  rname: absoluteName('hostmaster.example.net'),
  serial: 1,
  refresh: 3600,
  retry: 600,
  expire: 86_400,
  minimum: 30,
});
