/** Secondaries, or peers with their address, that hold connections, break them, say the wrong thing, or live in another hour. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { signRequest, type TsigKey } from '../../src/dns/tsig.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { acknowledge, FakeSecondary } from '../notify/fake-secondary.ts';
import { exchange, type Peer, TestConnection } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';
import { axfrOf, BIG, bigZone } from './support/big-zone.ts';
import { LONG } from './support/fault.ts';
import { onStage } from './support/on-stage.ts';
import type { Stage } from './support/stage.ts';

const scenario = onStage(async () => ({
  processes: { serving: ['transfer', 'api'], working: ['worker', 'scheduler'] },
  secondaries: LONG ? ['knot', 'bind', 'nsd', 'powerdns'] : ['knot', 'bind'],
}));
const MANY = LONG ? 150 : 40;

const primaryOf = ({ own }: Stage): Peer => ({ host: '127.0.0.1', port: own[0]?.port ?? 0 });

scenario('half-open connections, which say nothing or half a message', async (stage) => {
  const open = await Promise.all(Array.from({ length: MANY }, () => TestConnection.open(primaryOf(stage))));
  for (const [index, connection] of open.entries())
    if (index % 2 === 0) connection.socket.write(axfrOf('z0.fault.test.').subarray(0, index % 20));
  await pause(4_000);
  for (const connection of open) connection.destroy();
  return open.length;
});

scenario('readers of one byte a second', async (stage) => {
  await bigZone(stage);
  const readers = await Promise.all(Array.from({ length: 8 }, () => TestConnection.open(primaryOf(stage))));
  for (const { socket } of readers) {
    socket.removeAllListeners('data');
    socket.pause();
  }
  for (const reader of readers) reader.send(axfrOf(BIG));
  for (let second = 0; second < (LONG ? 60 : 5); second++) {
    await pause(1_000);
    for (const { socket } of readers) socket.read(1);
  }
  for (const reader of readers) reader.destroy();
  return readers.length;
});

scenario('connections reset in mid-transfer', async (stage) => {
  await bigZone(stage);
  for (let time = 0; time < MANY; time++) {
    const connection = await TestConnection.open(primaryOf(stage));
    connection.send(axfrOf(BIG));
    await connection.receive();
    await pause(stage.random.whole(0, 30));
    connection.socket.resetAndDestroy();
  }
  return MANY;
});

scenario(
  'NOTIFY acknowledged and nothing pulled, answered with garbage, or from another port',
  async (stage) => {
    const fakes = await Promise.all([FakeSecondary.start(), FakeSecondary.start(), FakeSecondary.start()]);
    const [deaf, garbage, elsewhere] = fakes;
    const other = createSocket('udp4');
    garbage.reply = () => [randomBytes(40), Buffer.alloc(3), randomBytes(600)];
    elsewhere.reply = ({ message, from, transport }) => {
      if (transport === 'udp') other.send(acknowledge(message), from.port, from.address);
      return [];
    };
    await stage.operator.query(
      `insert into secondaries (name, addresses) select name, array[address] from unnest($1::text[], $2::text[]) as new (name, address)`,
      [['deaf', 'garbage', 'elsewhere'], fakes.map(({ endpoint }) => `127.0.0.1:${endpoint.port}`)],
    );
    try {
      for (const fake of fakes)
        await until('it is told again and again', async () => fake.received.length > 6, {
          deadlineMs: 60_000,
        });
      // an acknowledgement from elsewhere, or of no sense, is none
      const { rows } = await stage.operator.query(
        `select s.name, bool_or(n.acked_serial is not null) as answered from secondaries s left join notifications n on n.secondary_id = s.id
       where s.name in ('garbage', 'elsewhere') group by s.name`,
      );
      for (const row of rows) expect(row.answered, row.name).not.toBe(true);
      return deaf.received.length + garbage.received.length + elsewhere.received.length;
    } finally {
      await stage.operator.query(`delete from secondaries where name in ('deaf', 'garbage', 'elsewhere')`);
      for (const fake of fakes) await fake.close();
      other.close();
    }
  },
);

scenario(
  'clocks that are hours off: BADTIME, with our time to learn from (RFC 8945, 5.2.3)',
  async (stage) => {
    const { operator } = stage;
    const secret = randomBytes(32);
    await operator.query(
      `insert into tsig_keys (name, algorithm, secret) values ('off.', 'hmac-sha256', $1)`,
      [secret.toString('base64')],
    );
    await operator.query(
      `insert into secondaries (name, addresses, keys) values ('off', '{127.0.0.1:9}', '{off.}')`,
    );
    const key: TsigKey = { name: absoluteName('off'), algorithm: 'hmac-sha256', secret };
    const plain = buildQuery({ id: 9, name: absoluteName('z0.fault.test.'), type: TYPE.SOA });
    const ask = async (offMs: number) => {
      const { bytes } = signRequest(plain, key, Date.now() + offMs);
      return readMessage(await exchange(primaryOf(stage), bytes, 'tcp'));
    };
    await until('the key is known', async () => (await ask(0)).rcode === RCODE.NOERROR);
    const offs = [3, -3, 48, -48, 24 * 365].map((hours) => hours * 3_600_000);
    for (const off of offs) expect((await ask(off)).rcode, `${off} ms off`).toBe(RCODE.NOTAUTH);
    expect((await ask(0)).rcode).toBe(RCODE.NOERROR);
    await operator.query(`delete from secondaries where name = 'off'`);
    return offs.length;
  },
);
