import { headerFlags, type Message } from '../../src/dns/message.ts';
import { absoluteName, equalNames, nameKey } from '../../src/dns/name.ts';
import { serialSoa } from '../../src/dns/query.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { isNewer } from '../../src/dns/serial.ts';
import { CLASS_IN, TYPE, typeToText } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';
import { FakeSecondary } from './fake-secondary.ts';

/** A secondary that says of its zones what the test tells it to, and pulls nothing. */
export class LyingSecondary {
  readonly server: FakeSecondary;
  /** Serial by zone; a zone that is not here is refused. */
  readonly serials = new Map<string, number>();
  /** Contents by "owner TYPE". */
  readonly contents = new Map<string, string[]>();
  /** What NOTIFY is answered with; undefined: nothing. */
  notifyRcode: number | undefined = 0;
  /** What queries are answered with in place of data; undefined: nothing at all. */
  queryRcode: number | undefined = 0;
  /** Whether it takes each version that it is told of; `newer`: where it is newer than the one it has, as a true one does. */
  follows: boolean | 'newer' = false;

  private constructor(server: FakeSecondary) {
    this.server = server;
    server.reply = ({ message, zone, serial }) => {
      if (this.notifyRcode === undefined) return [];
      if (this.follows && serial !== undefined && this.#takes(zone, serial)) this.serials.set(zone, serial);
      return [replyTo(message, this.notifyRcode)];
    };
    server.answer = ({ message }) => (this.queryRcode === undefined ? [] : [this.#answer(message)]);
  }

  static async start(): Promise<LyingSecondary> {
    return new LyingSecondary(await FakeSecondary.start());
  }

  get address(): string {
    return `127.0.0.1:${this.server.endpoint.port}`;
  }

  /** How many NOTIFYs came. */
  get told(): number {
    return this.server.received.length;
  }

  /** How often it was asked. */
  get asked(): number {
    return this.server.asked.length;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  #takes(zone: string, serial: number): boolean {
    const known = this.serials.get(zone);
    return this.follows !== 'newer' || known === undefined || isNewer(serial, known);
  }

  #answer(query: Message): Buffer {
    const [question] = query.questions;
    const owner = nameKey(question!.name);
    if (this.queryRcode !== 0) return replyTo(query, this.queryRcode);
    const zone = [...this.serials.keys()].find((name) => owner === name || owner.endsWith(`.${name}`));
    if (zone === undefined) return replyTo(query, 5);
    if (question!.type === TYPE.SOA && equalNames(question!.name, absoluteName(zone)))
      return replyTo(query, 0, [serialSoa(this.serials.get(zone)!)]);
    const texts = this.contents.get(`${owner} ${typeToText(question!.type)}`) ?? [];
    return replyTo(
      query,
      0,
      texts.map((text) => parseRdata(question!.type, text)),
    );
  }
}

function replyTo(query: Message, rcode = 0, rdata: readonly Buffer[] = []): Buffer {
  const [question] = query.questions;
  const writer = new MessageWriter({ limit: 1232 });
  writer.header({ id: query.id, flags: headerFlags({ qr: true, aa: true, opcode: query.opcode, rcode }) });
  writer.question(question!.wire);
  for (const one of rdata) writer.record(question!.name, question!.type, CLASS_IN, 300, one);
  return writer.finish();
}
