import { absoluteName, nameKey } from '../../../src/dns/name.ts';
import { TYPE } from '../../../src/dns/types.ts';
import type { Sockets } from '../../../src/notify/sockets.ts';
import { askSerial } from '../../../src/notify/verifier/ask.ts';
import { chase } from '../../../src/resolve/chase.ts';
import { AddressQuestion, type Reply } from '../../../src/resolve/question.ts';
import type { Question } from '../../../src/resolve/udp-pool.ts';
import { remember } from '../../../src/zone/alias/evidence.ts';
import { messagesIn } from './messages.ts';
import { holds, isShowable, type Target } from './target.ts';

const ASKED = absoluteName('target.example.');
const TIMEOUT = { kind: 'timeout' } as const;

const words = [
  Buffer.from('c00c000500010000003c0002c013', 'hex'),
  Buffer.from('c00c000100010000003c0004c0000201', 'hex'),
  // SOA, in IN and, without data, in ANY
  Buffer.from('c00c000600010000003c001600000000000100000002000000030000000400000005', 'hex'),
  Buffer.from('c00c000600ff0000003c0000', 'hex'),
  Buffer.from('0000290000000000000000', 'hex'),
  Buffer.from('000f000600006100f09f9880', 'hex'),
  Buffer.from('8183', 'hex'),
];

/** Answers one after the other, as framed over TCP: to each question the next one. */
export const walk: Target = {
  about: 'all answers of a resolver on the way to an address, and what is kept and shown of them',
  limit: 65_535,
  dictionary: words,
  run: async (input) => {
    const answers = messagesIn(input);
    const ask = async (name: Buffer, type: number): Promise<Reply> => {
      const question = new AddressQuestion({ name, type, mixCase: false, edns: true }, { timeoutMs: 1 });
      const bytes = answers.shift();
      const judged = bytes && question.accept(named(bytes, name, type));
      if (judged?.kind === 'whole') return { kind: 'reply', message: judged.message };
      return judged?.kind === 'addresses' ? judged : question.failure(TIMEOUT);
    };
    const { outcome, evidence, remark = '' } = await chase(ASKED, 'A', ask);
    holds(isShowable(remark, 70_000), () => `the remark ${JSON.stringify(remark)}`);
    holds(
      new Set(evidence.chain.map(({ name }) => name)).size === evidence.chain.length,
      () => 'a chain that goes in a circle was followed',
    );
    if (outcome.kind === 'failed') holds(isShowable(outcome.detail), () => JSON.stringify(outcome.detail));
    const { chain, extendedError } = evidence;
    const seen = { ...outcome, resolver: '192.0.2.53', chain: chain.map(({ name }) => name) };
    const [kept] = remember([], { a: { ...seen, ...(extendedError ? { extendedError } : {}) } }, 0);
    holds(isShowable(kept?.detail ?? '', 200), () => JSON.stringify(kept?.detail));
  },
};

/** Most answers would be to another question: the one that was asked is put in. */
function named(bytes: Buffer, name: Buffer, type: number): Buffer {
  if (bytes.length < 12 || bytes.readUInt16BE(4) !== 0) return bytes;
  const head = Buffer.from(bytes.subarray(0, 12));
  head[5] = 1;
  return Buffer.concat([head, name, Buffer.from([0, type, 0, 1]), bytes.subarray(12)]);
}

export const serial: Target = {
  about: 'the answer of a secondary that is asked for its serial, over UDP and over TCP',
  limit: 65_535,
  dictionary: words,
  run: async (input) => {
    const answers = messagesIn(input);
    const sockets = {
      ask: async <T>(_to: object, _transport: string, question: Question<T>) => {
        const bytes = answers.shift();
        const reply = bytes && question.accept(named(bytes, ASKED, TYPE.SOA));
        return reply === undefined ? TIMEOUT : { kind: 'reply', reply };
      },
    } as unknown as Sockets;
    const shown = await askSerial(sockets, { ip: '192.0.2.1', port: 53 }, ASKED, { timeoutMs: 1 });
    if (shown.kind === 'serial')
      holds(shown.serial >= 0 && shown.serial <= 0xffffffff, () => `the serial ${shown.serial}`);
    else holds(isShowable(shown.error), () => `${JSON.stringify(shown.error)} of ${nameKey(ASKED)}`);
  },
};
