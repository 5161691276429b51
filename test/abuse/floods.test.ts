import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { OPCODE, RCODE, TYPE } from '../../src/dns/types.ts';
import { exchange } from '../support/transfer-client.ts';
import { dnsFloods } from './floods/dns.ts';
import { holds } from './floods/holds.ts';
import { httpFloods } from './floods/http.ts';
import { measure } from './floods/measure.ts';
import { openStage, type Stage, ZONE } from './floods/stage.ts';

/** Connections, or senders; `npm run bench -- floods` has more. */
const COUNT = 600;
const FOR_MS = 1_500;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage(2_000);
});
afterAll(() => stage?.close());

describe('strangers flood DNS, and a registered secondary is served', () => {
  test.each(Object.keys(dnsFloods))('%s', { timeout: 90_000 }, async (name) => {
    holds(await measure(stage, { at: 'dns', name, count: COUNT }, { forMs: FOR_MS, timeoutMs: 20_000 }));
  });
});

describe('HTTP is flooded, and the API answers', () => {
  test.each(Object.keys(httpFloods))('%s', { timeout: 90_000 }, async (name) => {
    holds(await measure(stage, { at: 'http', name, count: COUNT }, { forMs: FOR_MS, timeoutMs: 20_000 }));
  });
});

test('RFC 1996, 3.10: NOTIFY is refused, to strangers and secondaries alike', async () => {
  for (const localAddress of ['127.0.0.1', '127.0.0.9'])
    for (const transport of ['udp', 'tcp'] as const) {
      const notify = buildQuery({ id: 9, name: absoluteName(ZONE), type: TYPE.SOA, opcode: OPCODE.NOTIFY });
      const reply = readMessage(await exchange({ ...stage.dns, localAddress }, notify, transport));
      expect(reply).toMatchObject({
        id: 9,
        qr: true,
        opcode: OPCODE.NOTIFY,
        rcode: RCODE.REFUSED,
        answers: [],
      });
      expect(reply.length).toBeLessThanOrEqual(notify.length);
    }
});
