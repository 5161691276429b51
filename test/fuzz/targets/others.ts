import { isDeepStrictEqual } from 'node:util';
import { settings } from '../../../src/config/settings.ts';
import { tracingSettings } from '../../../src/config/tracing.ts';
import { FormatError } from '../../../src/dns/format-error.ts';
import { readMessage } from '../../../src/dns/message.ts';
import { absoluteName } from '../../../src/dns/name.ts';
import { parseRdata } from '../../../src/dns/rdata/index.ts';
import { TYPE } from '../../../src/dns/types.ts';
import { formatEndpoint, parseEndpoint } from '../../../src/endpoint.ts';
import { readAddresses } from '../../../src/resolve/addresses-reply.ts';
import { AddressQuestion, type Judged } from '../../../src/resolve/question.ts';
import { formatResolver, parseResolver } from '../../../src/resolver-address.ts';
import { parseResyncData } from '../../../src/sync/queue/job.ts';
import { decodeAnswer } from '../../support/dns-packet.ts';
import { holds, type Target, unless } from './target.ts';

const ASKED = absoluteName('target.example.');

export const answer: Target = {
  about: 'the answer of a recursive resolver, by the quick reader and the whole one',
  limit: 65_535,
  dictionary: [
    Buffer.from('c00c000100010000003c0004c0000201', 'hex'),
    Buffer.from('c00c000500010000003c0002c013', 'hex'),
    Buffer.from('0000290000000000000000', 'hex'),
  ],
  run: (input) => {
    const packet = unless([FormatError], () => decodeAnswer(input));
    for (const record of packet?.records ?? [])
      if (record.type !== 'CNAME')
        holds(
          packet?.message.answers.some(({ rdata }) => rdata.equals(addressOf(record))) === true,
          () => `${record.address} is in the answer for dns-packet alone`,
        );
    const question = new AddressQuestion(
      { name: ASKED, type: TYPE.A, mixCase: false, edns: true },
      { timeoutMs: 1 },
    );
    const judged: Judged | undefined = question.accept(input);
    holds(judged?.kind !== 'whole' || judged.message.qr, () => 'a question was taken for an answer');
    const quick = input.length >= 12 ? readAddresses(input, question) : undefined;
    if (quick === undefined) return;
    const { answers, ad, rcode } = readMessage(input);
    const same =
      rcode === 0 &&
      ad === quick.ad &&
      isDeepStrictEqual(
        answers.map(({ rdata }) => [...rdata]),
        quick.rdatas.map((rdata) => [...rdata]),
      );
    holds(same && answers.every(({ name }) => name.equals(ASKED)), () => 'the two readers disagree');
    holds(Math.min(...answers.map(({ ttl }) => ttl)) === quick.ttl, () => 'two TTLs');
  },
};

function addressOf({ type, address }: { type: 'A' | 'AAAA'; address: string }): Buffer {
  return parseRdata(TYPE[type], address);
}

export const setting: Target = {
  about: 'addresses, resolvers and every other setting',
  dictionary: [
    '127.0.0.1',
    ':53',
    '@53',
    '[::1]',
    '%eth0',
    'tls://',
    '#name',
    'https://',
    '/dns-query',
    ',',
    '%',
    'auto',
    '*/10 * * * * *',
    '0-59 ',
    '0-99999999 * * * *',
    'a=b,',
    '%41',
    '32k',
  ],
  longest: 200,
  run: (input) => {
    const text = input.toString();
    const endpoint = parseEndpoint(text, 53);
    if (endpoint)
      holds(
        isDeepStrictEqual(parseEndpoint(formatEndpoint(endpoint), 1), endpoint),
        () => `"${text}" is read back as another`,
      );
    const resolver = parseResolver(text);
    if (resolver)
      holds(
        isDeepStrictEqual(parseResolver(formatResolver(resolver)), resolver),
        () => `"${text}" is read back as another`,
      );
    for (const { parse } of [...Object.values(settings), ...Object.values(tracingSettings)]) parse(text);
  },
};

export const job: Target = {
  about: 'the data of a job that anybody put into the queue, as JSON',
  dictionary: [
    '{"zones":["a."]}',
    '"force":true',
    '"due":true',
    '"reason":"x"',
    '[]',
    'null',
    '{"__proto__":{}}',
    '"zones":[1]',
  ],
  run: (input) => {
    let data: unknown;
    try {
      data = JSON.parse(input.toString());
    } catch {
      return;
    }
    try {
      parseResyncData(data);
    } catch (error) {
      holds(error instanceof Error && !(error instanceof TypeError || error instanceof RangeError), () =>
        String(error),
      );
    }
  },
};
