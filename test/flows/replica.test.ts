/** `serve --roles transfer` on a read replica: only where every commit waits until it shows there. */
import { tmpdir } from 'node:os';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isNewer } from '../../src/dns/serial.ts';
import { RCODE } from '../../src/dns/types.ts';
import { acknowledge, FakeSecondary } from '../notify/fake-secondary.ts';
import { type Replicated, STANDBY_NAME, startReplicated } from '../support/replicated.ts';
import { freePort } from '../support/secondaries/ports.ts';
import { ServerProcess } from '../support/secondaries/server-process.ts';
import { BIN, environmentOf, runCommand, type Service, startService } from '../support/service.ts';
import { axfr, ixfr, soa } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const ZONE = 'example.com.';

let servers: Replicated;
let service: Service;
let operator: pg.Client;
let fake: FakeSecondary;
beforeAll(async () => {
  servers = await startReplicated('150ms');
  service = await startService({ databaseUrl: servers.primary.url });
  operator = new pg.Client({ connectionString: servers.primary.url });
  operator.on('error', () => {});
  await operator.connect();
  fake = await FakeSecondary.start();
  await operator.query(`insert into secondaries (name, addresses) values ('s', array[$1])`, [
    `127.0.0.1:${fake.endpoint.port}`,
  ]);
  await operator.query(`begin;
    insert into zones (name, primary_ns, contact) values ('${ZONE}', 'ns1.${ZONE}', 'h@${ZONE}');
    insert into records (zone_id, name, type, content) select id, '${ZONE}', 'NS', 'ns1.${ZONE}' from zones;
    insert into records (zone_id, name, type, content) select id, 'www.${ZONE}', 'A', '192.0.2.1' from zones;
    commit`);
  await until('NOTIFY', async () => fake.received.some(({ serial }) => serial === 1));
}, 120_000);
afterAll(async () => {
  await service?.stop();
  await operator?.end();
  await fake?.close();
  await servers?.stop();
});

const serve = (port: number, ...args: string[]) =>
  runCommand(['serve', ...args], { folder: tmpdir(), environment: environment(port) });
const environment = (port: number) =>
  environmentOf({ DATABASE_URL: servers.standby.url, DNS_LISTEN: `127.0.0.1:${port}` });

test('it is refused in words where commits do not wait', { timeout: 120_000 }, async () => {
  const port = await freePort();
  const refused = async (settings: Record<string, string>, ...args: string[]) => {
    await servers.set(settings);
    const { status, stderr } = await serve(port, ...args);
    expect(status).toBe(1);
    return stderr.trim().split('\n').at(-1);
  };
  const start =
    'error: DATABASE_URL: this PostgreSQL is a read replica, which could give older serials than those notified: ';
  const transfer = ['--roles', 'transfer'];
  expect(await refused({}, ...transfer)).toBe(
    `${start}the primary has synchronous_commit = on, expected remote_apply`,
  );
  expect(await refused({ synchronous_commit: 'remote_apply' }, ...transfer)).toBe(
    `${start}the primary has synchronous_standby_names = '', expected that all it names, and "${STANDBY_NAME}" among them, have to confirm`,
  );
  expect(await refused({ synchronous_standby_names: `"${STANDBY_NAME}", other` }, ...transfer)).toContain(
    'expected that all it names',
  );
  expect(await refused({ synchronous_standby_names: `"${STANDBY_NAME}"` })).toMatch(
    /^error: this PostgreSQL is a read replica, where nothing can be written/,
  );
});

test('where commits wait it serves, never an older serial than one notified, and says when they wait no more', {
  timeout: 180_000,
}, async () => {
  await servers.set({
    synchronous_commit: 'remote_apply',
    synchronous_standby_names: `"${STANDBY_NAME}"`,
  });
  const port = await freePort();
  const at = { host: '127.0.0.1', port, zone: ZONE };
  const replica = new ServerProcess(process.execPath, [BIN, 'serve', '--roles', 'transfer'], {
    folder: tmpdir(),
    environment: environment(port),
  });
  try {
    await replica.until(async () => replica.log().includes('"msg":"ready"'), 30_000);
    expect((await soa(at)).serial).toBe(1);
    expect((await axfr(at)).result.kind).toBe('axfr');

    const older: string[] = [];
    const asked: Promise<unknown>[] = [];
    fake.reply = ({ message, serial = 0 }) => {
      asked.push(
        soa(at).then((answer) => {
          if (answer.serial === undefined || isNewer(serial, answer.serial))
            older.push(`notified ${serial}, answered ${answer.serial} rcode ${answer.rcode}`);
        }),
      );
      return [acknowledge(message)];
    };
    for (let host = 2; host <= 15; host++) {
      await edit(host);
      await until(`serial ${host}`, async () => fake.received.some(({ serial }) => serial === host));
    }
    await Promise.all(asked);
    expect(older).toEqual([]);
    expect(asked.length).toBeGreaterThanOrEqual(14);
    const { result } = await ixfr({ ...at, serial: 1 });
    expect(result.kind).toBe('ixfr');
    await operator.query('update secondaries set addresses = $1', [['192.0.2.9']]);
    await until('access is read there too', async () => (await soa(at)).rcode === RCODE.REFUSED);
    await operator.query('update secondaries set addresses = $1', [[`127.0.0.1:${fake.endpoint.port}`]]);
    await until('and again', async () => (await soa(at)).serial === 15);

    await servers.set({ synchronous_commit: 'on' });
    await until('nothing is answered', async () => (await soa(at)).rcode === RCODE.SERVFAIL);
    expect(replica.log()).toContain('the primary has synchronous_commit = on, expected remote_apply');
    await servers.set({ synchronous_commit: 'remote_apply' });
    await until('it is answered', async () => (await soa(at)).serial === 15);

    await service.stop();
    await servers.primary.stop();
    await until('the primary is missed', async () => /read replica: it is not sure/.test(replica.log()));
    expect((await soa(at)).serial, 'until EXPIRE').toBe(15);
  } finally {
    await replica.stop();
  }
});

const edit = (host: number) =>
  operator.query(`update records set content = '192.0.2.${host}' where type = 'A'`);
