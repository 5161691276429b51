import { connect } from 'node:net';
import { FrameReader, frame } from '../../src/dns/framer.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { questionOf } from '../../src/dns/query.ts';
import { CLASS_ANY, CLASS_IN, OPCODE, TYPE } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';

/** Puts one address in the place of those that a name has, by dynamic update (RFC 2136). Returns with the answer. */
export async function replaceAddress(
  port: number,
  zone: string,
  name: string,
  address: string,
): Promise<void> {
  const writer = new MessageWriter({ limit: 1_232 });
  writer.header({ id: 1, flags: OPCODE.UPDATE << 11 }).question(questionOf(absoluteName(zone), TYPE.SOA));
  writer.record(absoluteName(name), TYPE.A, CLASS_ANY, 0, Buffer.alloc(0), 'authority');
  const rdata = Buffer.from(address.split('.').map(Number));
  writer.record(absoluteName(name), TYPE.A, CLASS_IN, 60, rdata, 'authority');
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.write(frame(writer.finish()));
  const frames = new FrameReader();
  for await (const chunk of socket) {
    const [reply] = frames.push(chunk);
    if (reply === undefined) continue;
    const rcode = reply.readUInt16BE(2) & 15;
    if (rcode !== 0) throw new Error(`the update was refused: rcode ${rcode}`);
    break;
  }
  socket.destroy();
}
