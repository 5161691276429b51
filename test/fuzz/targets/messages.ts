import { isDeepStrictEqual } from 'node:util';
import { FormatError } from '../../../src/dns/format-error.ts';
import { FrameReader } from '../../../src/dns/framer.ts';
import { InboundTransfer, TransferError } from '../../../src/dns/inbound.ts';
import { type Message, readMessage } from '../../../src/dns/message.ts';
import { absoluteName } from '../../../src/dns/name.ts';
import { TSIG_ALGORITHMS, type TsigKey, tsigErrorReply, verifyRequest } from '../../../src/dns/tsig.ts';
import { CLASS_IN } from '../../../src/dns/types.ts';
import { buildNotify, readAcknowledgement } from '../../../src/notify/message.ts';
import { readPlainQuestion } from '../../../src/transfer/plain/question.ts';
import { parseRequest } from '../../../src/transfer/request.ts';
import { meaning, reencode } from '../../support/reencode.ts';
import { holds, type Target, unless } from './target.ts';

export const KEY: TsigKey = {
  name: absoluteName('key.'),
  algorithm: 'hmac-sha256',
  secret: Buffer.alloc(32, 1),
};
/** The moment at which the kept inputs were signed, in milliseconds. */
export const NOW = 1_700_000_000_000;
export const ZONE = absoluteName('example.com.');

const words = [
  Buffer.from('c00c', 'hex'),
  Buffer.from('0000290000000000000000', 'hex'),
  Buffer.from('00fa00ff00000000', 'hex'),
  Buffer.from('076578616d706c6503636f6d00', 'hex'),
  Buffer.from('00060001', 'hex'),
  Buffer.from('00fb0001', 'hex'),
  Buffer.from('00fc0001', 'hex'),
];

export const message: Target = {
  about: 'a DNS message: header, names, rdata, EDNS, TSIG',
  dictionary: words,
  limit: 65_535,
  run: (input) => {
    const read = unless([FormatError], () => readMessage(input));
    // of UPDATE, where records may have no data at all, nothing is written
    if (read === undefined || octetsInFull(read) > 60_000 || hasBareRecord(read)) return;
    const again = readMessage(reencode(read));
    holds(
      isDeepStrictEqual(meaning(again), meaning(read)),
      () => 'written and read again it means something else',
    );
  },
};

export const request: Target = {
  about: 'a request to the transfer server, by the quick reader and the whole one',
  dictionary: words,
  limit: 65_535,
  run: (input) => {
    for (const transport of ['udp', 'tcp', 'tls'] as const) {
      const parsed = parseRequest(input, transport);
      const plain = readPlainQuestion(input);
      if (plain === undefined) continue;
      if (parsed.kind !== 'readable') throw new Error(`the quick reader took what is ${parsed.kind}`);
      const { ask, refusal, edns, question } = parsed.request;
      holds(
        refusal === undefined && ask.kind !== 'other',
        () => `the quick reader took what is refused: ${refusal?.detail}`,
      );
      holds(question?.type === plain.type, () => 'two types');
      holds((ask.kind === 'IXFR' ? ask.serial : undefined) === plain.fromSerial, () => 'two serials');
      holds(
        (edns !== undefined) === plain.edns && (edns?.expire ?? false) === plain.expire,
        () => 'two readings of OPT',
      );
    }
  },
};

export const tsig: Target = {
  about: 'a signed request, and the reply to one whose signature fails',
  limit: 65_535,
  dictionary: [...words, ...Object.keys(TSIG_ALGORITHMS), Buffer.from('036b657900', 'hex')],
  run: (input) => {
    const read = unless([FormatError], () => readMessage(input));
    if (read === undefined) return;
    const verdict = verifyRequest(input, read, (name) => (name === 'key.' ? KEY : undefined), NOW);
    if (verdict.kind === 'unsigned' || verdict.kind === 'good') return;
    for (const limit of [512, 1232, 65_535]) {
      const reply = tsigErrorReply(read, verdict, NOW, { limit });
      holds(reply.length <= limit, () => `a reply of ${reply.length} octets, ${limit} were allowed`);
      const { id, qr } = readMessage(reply);
      holds(qr && id === read.id, () => 'no reply to it');
    }
  },
};

/** The first octet says what was asked for, the second how the rest is cut into segments. */
export const inbound: Target = {
  about: 'an inbound AXFR or IXFR, framed as over TCP',
  dictionary: words,
  limit: 65_535,
  longest: 2_048,
  run: (input) => {
    const [how = 0, cut = 0] = input;
    const kind = how % 2 === 0 ? 'AXFR' : 'IXFR';
    const frames = new FrameReader();
    const transfer = new InboundTransfer({
      zone: ZONE,
      kind,
      id: 7,
      maxRecords: 200,
      ...(kind === 'IXFR' ? { haveSerial: 1 } : {}),
    });
    unless([FormatError, TransferError], () => {
      for (let at = 2; at < input.length; at += 1 + cut)
        for (const bytes of frames.push(input.subarray(at, at + 1 + cut)))
          if (transfer.message(readMessage(bytes)) === 'done') return;
    });
    const result = unless([TransferError], () => transfer.end());
    if (result?.kind === 'axfr') holds(result.records.length < 200, () => 'more records than were allowed');
    if (result?.kind === 'ixfr') holds(result.steps.length > 0, () => 'an IXFR without a step');
  },
};

const announcement = { zoneWire: ZONE, soa: Buffer.alloc(22), soaTtl: 60, key: KEY };
const { mac } = buildNotify(announcement, 7, NOW);

export const acknowledgement: Target = {
  about: 'the answer of a secondary to a NOTIFY',
  dictionary: words,
  limit: 65_535,
  run: (input) => {
    const clock = { now: () => NOW };
    const signed = readAcknowledgement(input, announcement, mac, clock);
    holds(signed.kind === 'ignored' || input.includes(KEY.name), () => 'an unsigned answer was believed');
    readAcknowledgement(input, { zoneWire: ZONE, soa: announcement.soa, soaTtl: 60 }, undefined, clock);
  },
};

/** Messages behind their lengths, as far as they are whole; else what is there, as one. */
export function messagesIn(input: Buffer): Buffer[] {
  const found = unless([FormatError], () => new FrameReader().push(input)) ?? [];
  return found.length > 0 ? found : [input];
}

function hasBareRecord({ answers, authorities, additionals }: Message): boolean {
  return [...answers, ...authorities, ...additionals].some(
    (record) => record.class !== CLASS_IN && record.rdata.length === 0,
  );
}

/** What is to be written, without compression. */
function octetsInFull({ questions, answers, authorities, additionals }: Message): number {
  const records = [...answers, ...authorities, ...additionals];
  return (
    records.reduce((sum, { name, rdata }) => sum + name.length + rdata.length + 10, 600) +
    260 * questions.length
  );
}
