/** Keys as operators change them in the database, in a service at work. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName, formatName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { appendTsigRecord } from '../../src/dns/tsig/record.ts';
import { signRequest, type TsigKey } from '../../src/dns/tsig.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { FakeSecondary } from '../notify/fake-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { makeKey } from '../support/memory-zones.ts';
import { axfr, exchange } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const ZONE = 'example.com.';

let house: House;
let fake: FakeSecondary;
beforeEach(async () => {
  house = await openHouse({ RESYNC_CRON: '0 0 1 1 *' });
  fake = await FakeSecondary.start();
});
afterEach(async () => {
  await house.close();
  await fake.close();
});

async function addKey(name: string, minMacBits: number | null = null): Promise<TsigKey> {
  const key = makeKey(`${name}.`, 'hmac-sha256', `the secret of ${name}`);
  await house.operator.query('insert into tsig_keys (name, secret, min_mac_bits) values ($1, $2, $3)', [
    name,
    key.secret.toString('base64'),
    minMacBits,
  ]);
  return key;
}

test('keys of a secondary are rolled over without a moment in which neither is taken', {
  timeout: 60_000,
}, async () => {
  const [old, next] = [await addKey('old'), await addKey('next')];
  await house.operator.query(
    `insert into secondaries (name, addresses, keys) values ('s', array[$1], '{old}')`,
    [`127.0.0.1:${fake.endpoint.port}`],
  );
  await house.zone(ZONE, [[`www.${ZONE}`, 'A', '192.0.2.1']]);
  const outcome = (key: TsigKey): Promise<string> =>
    axfr({ ...house.dns, zone: ZONE, key }).then(
      ({ result }) => result.kind,
      (error) => `refused ${error.rcode}`,
    );
  const keysOfNotify = () =>
    fake.received.map(({ message }) => message.tsig && formatName(message.tsig.record.name));

  let addresses = 1;
  for (const [keys, outcomes, signer] of [
    ['{old}', ['axfr', `refused ${RCODE.REFUSED}`], 'old.'],
    ['{old,next}', ['axfr', 'axfr'], 'old.'],
    ['{next,old}', ['axfr', 'axfr'], 'next.'],
    ['{next}', [`refused ${RCODE.REFUSED}`, 'axfr'], 'next.'],
  ] as const) {
    await house.operator.query('update secondaries set keys = $1', [keys]);
    await until(`with ${keys}: ${outcomes}`, async () => {
      const seen = [await outcome(old), await outcome(next)];
      return seen.join() === outcomes.join();
    });
    fake.received.splice(0);
    await house.operator.query(`update records set content = $1 where type = 'A'`, [
      `192.0.2.${++addresses}`,
    ]);
    await until('NOTIFY', async () => fake.received.length > 0);
    expect(keysOfNotify().at(-1)).toBe(signer);
  }
});

test('a truncated MAC is taken by the key that allows it, from then on (RFC 8945, 5.2.2.1)', async () => {
  const key = await addKey('cut');
  await house.operator.query(
    `insert into secondaries (name, addresses, keys) values ('s', '{127.0.0.1:9}', '{cut}')`,
  );
  await house.zone(ZONE);
  await until('published', async () => (await house.serial(ZONE)) === 1);
  const query = buildQuery({ id: 7, name: absoluteName(ZONE), type: TYPE.SOA });
  const ask = async (octets: number) => {
    const { record } = readMessage(signRequest(query, key, Date.now()).bytes).tsig!;
    const cut = appendTsigRecord(query, { ...record, mac: record.mac.subarray(0, octets) });
    const reply = readMessage(await exchange(house.dns, cut, 'udp'));
    return [reply.rcode, reply.tsig?.record.error, reply.tsig?.record.mac.length];
  };
  await until('served with a whole MAC', async () => (await ask(32))[0] === RCODE.NOERROR);
  expect(await ask(20)).toEqual([RCODE.NOTAUTH, 22, 32]);
  await house.operator.query('update tsig_keys set min_mac_bits = 160');
  await until('taken', async () => (await ask(20))[0] === RCODE.NOERROR);
  expect(await ask(20), 'the reply is signed whole').toEqual([RCODE.NOERROR, 0, 32]);
  expect(await ask(19)).toEqual([RCODE.NOTAUTH, 22, 32]);
});
