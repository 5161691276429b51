/** The serial that is answered is never older than one already notified, whichever process answers. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { soaSerial } from '../../src/dns/rdata/index.ts';
import { isNewer } from '../../src/dns/serial.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { asker } from '../http/support.ts';
import { acknowledge, FakeSecondary, type Received } from '../notify/fake-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { PostgresProxy } from '../support/postgres-proxy.ts';
import { freePort } from '../support/secondaries/ports.ts';
import { ServerProcess } from '../support/secondaries/server-process.ts';
import { environmentOf } from '../support/service.ts';
import { axfr, soa } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const BIN = fileURLToPath(new URL('../../bin/zoneferry.js', import.meta.url));

let house: House;
let fake: FakeSecondary;
const stops: (() => unknown)[] = [];
beforeEach(async () => {
  house = await openHouse({ RESYNC_CRON: '0 0 1 1 *' });
  fake = await FakeSecondary.start();
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await house.close();
  await fake.close();
});

/** Asks for SOA again and again over one socket. */
class Sampler {
  readonly #socket: Socket;
  readonly #pending = new Map<number, (answer: { rcode: number; serial: number | undefined }) => void>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #id = 0;
  #closed = false;

  constructor(port: number) {
    this.#socket = createSocket('udp4');
    this.#socket.connect(port, '127.0.0.1');
    this.#socket.on('error', () => {});
    this.#socket.on('message', (bytes) => {
      const message = readMessage(bytes);
      const record = message.answers[0];
      this.#pending.get(message.id)?.({ rcode: message.rcode, serial: record && soaSerial(record.rdata) });
      this.#pending.delete(message.id);
    });
    stops.push(() => {
      this.#closed = true;
      for (const timer of this.#timers) clearInterval(timer);
      this.#socket.close();
    });
  }

  async connected(): Promise<this> {
    await once(this.#socket, 'connect');
    return this;
  }

  ask(zone: string): Promise<{ rcode: number; serial: number | undefined }> {
    this.#id = (this.#id + 1) & 0xffff;
    const id = this.#id;
    const query = buildQuery({ id, name: absoluteName(zone), type: TYPE.SOA });
    if (this.#closed) return new Promise(() => {}); // a NOTIFY of the last moment
    this.#socket.send(query);
    // many answers at once can overflow the buffer of a socket
    const again = setInterval(() => this.#socket.send(query), 1_000);
    this.#timers.add(again);
    return new Promise((resolve) => {
      this.#pending.set(id, (answer) => {
        clearInterval(again);
        this.#timers.delete(again);
        resolve(answer);
      });
    });
  }
}

async function register(): Promise<void> {
  await house.operator.query(`insert into secondaries (name, addresses) values ('s', $1)`, [
    [`127.0.0.1:${fake.endpoint.port}`],
  ]);
}

async function makeZones(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `z${index}.test.`);
  for (const name of names) await house.zone(name, [[`www.${name}`, 'A', '192.0.2.1']]);
  return names;
}

const edit = (zone: string, number: number) =>
  house.operator.query(`update records set content = $2 where name = $1 and type = 'A'`, [
    `www.${zone}`,
    `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
  ]);

/**
 * To be called before a process is asked; tells afterwards whether its answer may be older, as it says that PostgreSQL doesn't answer it: on a busy
 * machine silence may last for so long.
 */
function watchAway(): () => boolean {
  const count = (what: string) => house.lines.filter((line) => line.includes(what)).length;
  const aways = () => count('PostgreSQL does not answer');
  const before = aways();
  const wasAway = before > count('PostgreSQL answers again');
  return () => wasAway || aways() > before;
}

/** Every serial given at each NOTIFY is at least the one notified. */
function watch(samplers: Sampler[], onNotify: (received: Received) => void = () => {}) {
  const seen = { samples: 0, older: [] as string[], waiting: 0 };
  fake.reply = ({ message, ...received }) => {
    const { zone, serial } = received;
    onNotify({ message, ...received });
    for (const [index, sampler] of samplers.entries()) {
      seen.waiting++;
      const mayBeOlder = watchAway();
      void sampler.ask(zone).then((answer) => {
        seen.waiting--;
        if (mayBeOlder()) return;
        seen.samples++;
        if (answer.serial === undefined || isNewer(serial ?? 0, answer.serial))
          seen.older.push(
            `server ${index}, ${zone}: notified ${serial}, answered ${answer.serial} rcode ${answer.rcode}`,
          );
      });
    }
    return [acknowledge(message)];
  };
  return seen;
}

/** A further process that serves, over a way to PostgreSQL that the test can spoil. */
async function second(proxy: PostgresProxy): Promise<number> {
  const port = await freePort();
  await house.addService(['transfer'], { DATABASE_URL: proxy.url, DNS_LISTEN: `127.0.0.1:${port}` });
  return port;
}

async function proxied(): Promise<PostgresProxy> {
  const proxy = await PostgresProxy.start(house.databaseUrl);
  stops.push(() => proxy.close());
  return proxy;
}

/** A process of its own with the role transfer, that answers. */
async function ownProcess(
  settings: Record<string, string> = {},
): Promise<{ server: ServerProcess; port: number }> {
  const port = await freePort();
  const server = new ServerProcess(process.execPath, [BIN, 'serve', '--roles', 'transfer'], {
    folder: '/tmp',
    environment: environmentOf({
      DATABASE_URL: house.databaseUrl,
      DNS_LISTEN: `127.0.0.1:${port}`,
      ...settings,
    }),
  });
  stops.push(() => server.stop());
  await server.until(
    () =>
      soa({ host: '127.0.0.1', port, zone: 'z0.test.', timeoutMs: 500 }).then(
        ({ rcode }) => rcode === 0,
        () => false,
      ),
    20_000,
  );
  return { server, port };
}

test('two processes, one of them without hints and with late reads: thousands of answers right after a NOTIFY, none older', {
  timeout: 180_000,
}, async () => {
  const proxy = await proxied();
  proxy.admits = (application) => application !== 'zoneferry hints';
  proxy.delay = (application) => (application === 'zoneferry lease' ? Math.random() * 100 : 0);
  const port = await second(proxy);
  const zones = await makeZones(150);
  const samplers = [await new Sampler(house.dns.port).connected(), await new Sampler(port).connected()];
  const seen = watch(samplers);
  await register();
  await until('the first NOTIFYs', async () => fake.received.length >= zones.length);
  const started = performance.now();
  const elapsed = () => performance.now() - started;
  for (let number = 1; elapsed() < 15_000 || (seen.samples < 2_000 && elapsed() < 90_000); number++) {
    await edit(zones[number % zones.length] ?? '', number);
    // its lease runs out: by silence, which is shorter than what counts as no answer at all, and by lost connections
    const second = Math.floor(elapsed() / 100) / 10;
    proxy.silent = second % 6 > 2 && second % 6 < 4.7;
    if (number % 200 === 0 && !proxy.silent) proxy.cut();
    await pause(1);
  }
  proxy.silent = false;
  await until('the answers', async () => seen.waiting === 0);
  expect(seen.older).toEqual([]);
  expect(seen.samples).toBeGreaterThanOrEqual(2_000);
});

test('a secondary that is told of a zone may have it from every process', async () => {
  const proxy = await proxied();
  proxy.admits = (application) => application !== 'zoneferry hints';
  const port = await second(proxy);
  await makeZones(1);
  const sampler = await new Sampler(port).connected();
  await until('published', async () => (await house.serial('z0.test.')) === 1);
  expect(await sampler.ask('z0.test.')).toMatchObject({ rcode: 5 });
  const seen = watch([sampler]);
  await register();
  await until('NOTIFY and answer', async () => seen.samples > 0);
  expect(seen.older).toEqual([]);
  await house.operator.query('delete from secondaries');
  await until('refused', async () => (await sampler.ask('z0.test.')).rcode === 5, { deadlineMs: 1_500 });
});

test('a deleted zone is refused by every process, and one made again is never answered with its old serial', async () => {
  const proxy = await proxied();
  proxy.admits = (application) => application !== 'zoneferry hints';
  const port = await second(proxy);
  await register();
  await makeZones(1);
  await until('NOTIFY', async () => fake.received.some((notify) => notify.serial === 1));
  const sampler = await new Sampler(port).connected();
  expect(await sampler.ask('z0.test.')).toEqual({ rcode: 0, serial: 1 });
  await house.operator.query('delete from zones');
  await until('refused', async () => (await sampler.ask('z0.test.')).rcode === 5, { deadlineMs: 1_500 });
  const seen = watch([sampler]);
  await makeZones(1);
  await until('NOTIFY and answer', async () => seen.samples > 0);
  expect(seen.older).toEqual([]);
});

/**
 * The database's clock for those who connect from now on: functions before those of PostgreSQL, that add what the table says. The service's
 * own functions pin their search_path, and go on with the machine's.
 */
async function fakeClock(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`
    create table clock_is_off (by interval);
    insert into clock_is_off values ('0');
    create function clock_timestamp() returns timestamptz as 'select pg_catalog.clock_timestamp() + by from public.clock_is_off' language sql volatile;
    create function now() returns timestamptz as 'select pg_catalog.now() + by from public.clock_is_off' language sql stable;
    do $$ begin execute format('alter database %I set search_path = public, pg_catalog', current_database()); end $$;
  `);
  await client.end();
}

const setClock = (by: string) => house.operator.query('update clock_is_off set by = $1', [by]);

test("the database's clock may be set forward: a lease is not over before its holder stops to count on it", {
  timeout: 60_000,
}, async () => {
  await house.close();
  house = await openHouse({ RESYNC_CRON: '0 0 1 1 *' }, undefined, fakeClock);
  const proxy = await proxied();
  proxy.admits = (application) => application !== 'zoneferry hints';
  const port = await second(proxy);
  await makeZones(1);
  const sampler = await new Sampler(port).connected();
  const seen = watch([sampler]);
  await register();
  await until('NOTIFY', async () => fake.received.some(({ serial }) => serial === 1));
  const { rows } = await house.operator.query('select now() - pg_catalog.now() as off');
  expect(rows[0].off, 'the clock that is asked can be set').toBeDefined();
  for (let number = 2; number <= 6; number++) {
    // it has a lease, and hears of nothing for less than that lasts
    await until('the second process has confirmed everything', async () => {
      const { rows } = await house.operator.query(
        'select bool_and(coalesce(pg_visible_in_snapshot(xid, confirmed), false)) as all from transfer_leases, notifications',
      );
      return rows[0].all === true;
    });
    proxy.silent = true;
    await setClock(`${number} hours`);
    await edit('z0.test.', number);
    await pause(1_500);
    proxy.silent = false;
    await until('NOTIFY', async () => fake.received.some(({ serial }) => serial === number));
  }
  await until('the answers', async () => seen.waiting === 0);
  expect(seen.older).toEqual([]);
});

test("the database's clock may be set back: a process that was killed is waited for no longer", {
  timeout: 60_000,
}, async () => {
  await house.close();
  house = await openHouse({ RESYNC_CRON: '0 0 1 1 *' }, undefined, fakeClock);
  await setClock('2 hours');
  await register();
  await makeZones(1);
  await until('NOTIFY', async () => fake.received.some(({ serial }) => serial === 1));
  const { server } = await ownProcess();
  server.killGroup();
  await setClock('1 hour');
  await edit('z0.test.', 7);
  await until('NOTIFY', async () => fake.received.some(({ serial }) => serial === 2));
});

test('a process killed holds NOTIFY up for no longer than its lease', { timeout: 60_000 }, async () => {
  await register();
  await makeZones(1);
  await until('NOTIFY', async () => fake.received.some((notify) => notify.serial === 1));
  const { server } = await ownProcess();
  server.killGroup();
  await edit('z0.test.', 7);
  await until('NOTIFY', async () => fake.received.some((notify) => notify.serial === 2));
});

test('a process that stood still for longer than its lease does not answer what it knew', {
  timeout: 60_000,
}, async () => {
  await register();
  await makeZones(20);
  await until('NOTIFY', async () => fake.received.length >= 20);
  const { server, port } = await ownProcess();
  const sampler = await new Sampler(port).connected();
  for (let zone = 0; zone < 20; zone++)
    expect((await sampler.ask(`z${zone}.test.`)).serial, 'it knows every zone').toBe(1);
  process.kill(server.pid ?? 0, 'SIGSTOP');
  const stopped = performance.now();
  for (let zone = 0; zone < 20; zone++) await edit(`z${zone}.test.`, 9);
  await until(
    'NOTIFY',
    async () =>
      new Set(fake.received.filter(({ serial }) => serial === 2).map(({ zone }) => zone)).size === 20,
  );
  expect(performance.now() - stopped, 'nobody is told while its lease runs').toBeGreaterThan(1_500);
  // these wait in its socket and are read before anything else
  const answers = Array.from({ length: 20 }, (_, zone) => sampler.ask(`z${zone}.test.`));
  await pause(200);
  process.kill(server.pid ?? 0, 'SIGCONT');
  expect((await Promise.all(answers)).map(({ serial }) => serial)).toEqual(new Array(20).fill(2));
});

test('PostgreSQL away: what was confirmed goes out, it is said, and mends itself', {
  timeout: 60_000,
}, async () => {
  const proxy = await proxied();
  const [port, http] = [await freePort(), await freePort()];
  await house.addService(['transfer', 'api'], {
    DATABASE_URL: proxy.url,
    DNS_LISTEN: `127.0.0.1:${port}`,
    HTTP_LISTEN: `127.0.0.1:${http}`,
  });
  const ask = asker(`http://127.0.0.1:${http}`);
  await register();
  await makeZones(3);
  await until('NOTIFY', async () => new Set(fake.received.map(({ zone }) => zone)).size === 3);
  await house.operator.query(`update zones set expire = 3 where name = 'z2.test.'`);
  await until('NOTIFY', async () => fake.received.some(({ serial }) => serial === 2));
  const sampler = await new Sampler(port).connected();
  proxy.admits = () => false;
  proxy.cut();
  await pause(100);
  await edit('z0.test.', 3);
  await until('NOTIFY', async () =>
    fake.received.some(({ zone, serial }) => zone === 'z0.test.' && serial === 2),
  );
  // never asked before: every zone is in memory
  expect(await sampler.ask('z1.test.')).toEqual({ rcode: 0, serial: 1 });
  expect(await sampler.ask('z0.test.')).toEqual({ rcode: 0, serial: 1 });
  expect(house.lines.join('\n')).toContain(
    'PostgreSQL does not answer: the last confirmed versions are served',
  );
  expect((await ask('GET', '/readyz')).body.error.message).toContain(
    'PostgreSQL does not answer: the last confirmed versions are served',
  );
  expect((await ask('GET', '/metrics')).text).toContain('zoneferry_up{which="database"} 0');
  await until('the end of EXPIRE', async () => (await sampler.ask('z2.test.')).rcode === RCODE.SERVFAIL);
  expect(await sampler.ask('z1.test.'), 'another zone has a longer one').toEqual({ rcode: 0, serial: 1 });
  proxy.admits = () => true;
  await until('the new serial', async () => (await sampler.ask('z0.test.')).serial === 2);
  expect(house.lines.join('\n')).toContain('PostgreSQL answers again');
  expect(await sampler.ask('z2.test.')).toEqual({ rcode: 0, serial: 2 });
  await until('ready', async () => (await ask('GET', '/readyz')).status === 200);
  proxy.silent = true;
  await pause(3_000);
  expect(await sampler.ask('z1.test.'), 'a way that swallows everything').toEqual({ rcode: 0, serial: 1 });
  proxy.silent = false;
});

test('what a dump of another cluster brings along is told all the same', async () => {
  await makeZones(1);
  await until('published', async () => (await house.serial('z0.test.')) === 1);
  const { rows } = await house.operator.query(`select pg_current_xact_id()::text as xid`);
  const client = await house.operator.connect();
  await client.query(`set zoneferry.service = on`);
  await register();
  await until('NOTIFY', async () => fake.received.length > 0);
  fake.received.splice(0);
  await client.query(
    `update notifications set xid = ($1::text)::xid8, acked_serial = null, next_at = now()`,
    [String(BigInt(rows[0].xid) + 1_000_000n)],
  );
  client.release(true);
  await pause(300);
  expect(fake.received).toEqual([]);
  await house.addService(['transfer'], { DNS_LISTEN: `127.0.0.1:${await freePort()}` });
  await until('NOTIFY', async () => fake.received.length > 0);
});

test('a process answers with nothing older than what a transfer of its own gave', async () => {
  const proxy = await proxied();
  const port = await second(proxy);
  await register();
  await makeZones(1);
  await until('NOTIFY', async () => fake.received.length > 0);
  const sampler = await new Sampler(port).connected();
  expect((await sampler.ask('z0.test.')).serial).toBe(1);
  // it hears of no change any more, and can read zones all the same
  proxy.admits = (application) => application !== 'zoneferry lease';
  proxy.cut();
  await edit('z0.test.', 3);
  const given = await until('the new version is transferred', async () => {
    const { result } = await axfr({ host: '127.0.0.1', port, zone: 'z0.test.' });
    return result.kind === 'axfr' && soaSerial(result.soa.rdata) === 2;
  });
  expect(given).toBe(true);
  expect((await sampler.ask('z0.test.')).serial).toBe(2);
});
