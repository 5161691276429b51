/**
 * What real secondaries ask, octet by octet as they sent it, and what they get, each beside its text. `WRITE_FIXTURES=1` writes the
 * replies anew: to be read before they are kept.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { showMessage } from '../support/show-message.ts';
import { exchange } from '../support/transfer-client.ts';
import { startServer } from './harness.ts';

const FOLDER = new URL('../fixtures/wire/', import.meta.url);
const ZONE = 'example.com.';

interface Exchange {
  title: string;
  transport: 'udp' | 'tcp';
  request: Side;
  reply: Side;
}

interface Side {
  text: string[];
  bytes: Buffer;
}

function read(file: string): Exchange[] {
  const parts = readFileSync(new URL(file, FOLDER), 'utf8').trim().split('\n\n');
  return parts.map((part) => {
    const [title = '', ...lines] = part.split('\n');
    return {
      title: title.slice(2),
      transport: title.endsWith('UDP') ? 'udp' : 'tcp',
      request: side(lines, '<'),
      reply: side(lines, '>'),
    };
  });
}

/** Lines of text, and octets in lines with three blanks more. */
function side(lines: string[], mark: string): Side {
  const own = lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(2));
  return {
    text: own.filter((line) => !line.startsWith('  ')),
    bytes: Buffer.from(
      own
        .filter((line) => line.startsWith('  '))
        .join('')
        .replaceAll(' ', ''),
      'hex',
    ),
  };
}

function write(file: string, exchanges: Exchange[]): void {
  const lines = (mark: string, { text, bytes }: Side) => [
    ...text.map((line) => `${mark} ${line}\n`),
    ...(bytes.toString('hex').match(/.{1,64}/g) ?? []).map((hex) => `${mark}   ${hex}\n`),
  ];
  const parts = exchanges.map(({ title, request, reply }) =>
    [`# ${title}\n`, ...lines('<', request), ...lines('>', reply)].join(''),
  );
  writeFileSync(new URL(file, FOLDER), parts.join('\n'));
}

test.each(readdirSync(FOLDER))(
  '%s: each request is read as its text says, and answered to the octet',
  async (file) => {
    const { at, zones, registry } = await startServer();
    registry.add('s1');
    zones.add(ZONE, ['@ 3600 NS ns1.example.net.', '@ 300 A 192.0.2.1']);
    zones.change(ZONE, { delete: ['@ 300 A 192.0.2.1'], add: ['@ 300 A 192.0.2.2'] });
    const exchanges = read(file);
    expect(exchanges.length).toBeGreaterThan(1);
    for (const each of exchanges) {
      const { title, transport, request } = each;
      expect(showMessage(request.bytes), title).toEqual(request.text);
      const bytes = await exchange(at, request.bytes, transport);
      if (process.env.WRITE_FIXTURES) each.reply = { text: showMessage(bytes), bytes };
      expect(showMessage(each.reply.bytes), title).toEqual(each.reply.text);
      expect(bytes.toString('hex'), title).toBe(each.reply.bytes.toString('hex'));
    }
    if (process.env.WRITE_FIXTURES) write(file, exchanges);
  },
);
