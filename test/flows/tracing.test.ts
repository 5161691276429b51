import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { asker } from '../http/support.ts';
import { LyingSecondary } from '../notify/lying-secondary.ts';
import { freshDatabase } from '../support/database.ts';
import { type House, openHouse } from '../support/house.ts';
import { readSpans, type SpanSeen } from '../support/otlp.ts';
import { startService } from '../support/service.ts';
import { axfr, ixfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const ZONE = 'example.com.';
const closings: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

/** A collector of OTLP over HTTP on loopback. */
async function collector() {
  const spans: SpanSeen[] = [];
  const headers: unknown[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      headers.push(request.headers);
      if (request.url === '/v1/traces') spans.push(...readSpans(Buffer.concat(chunks)));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closings.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { spans, headers, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function openTraced(settings: Record<string, string>): Promise<{ house: House; ns1: LyingSecondary }> {
  const ns1 = await LyingSecondary.start();
  closings.push(() => ns1.close());
  ns1.follows = true;
  const house = await openHouse({ OTEL_BSP_SCHEDULE_DELAY: '100', ...settings });
  closings.push(() => house.close());
  await house.operator.query(`insert into secondaries (name, addresses) values ('ns1', $1)`, [[ns1.address]]);
  await house.zone(ZONE, [['www.example.com.', 'A', '192.0.2.1']]);
  await house.publishes('www.example.com.', 'A', ['192.0.2.1']);
  return { house, ns1 };
}

async function changeOf(house: House): Promise<string> {
  const { rows } = await house.operator.query(
    `select encode(uuid_send(published_change), 'hex') as change from zones`,
  );
  return rows[0].change;
}

test('a trace goes from the request, or the tick, over the commit to NOTIFY and the transfer, whatever process does it', async () => {
  const { spans, headers, url } = await collector();
  const { house } = await openTraced({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=open%20sesame',
    OTEL_SERVICE_NAME: 'dns-sync',
  });
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const made = await asker(house.http)(
    'POST',
    `/v1/zones/${ZONE}/records`,
    { name: 'new', type: 'A', content: '192.0.2.9' },
    { traceparent: `00-${trace}-b7ad6b7169203331-01` },
  );
  expect(made.headers['zoneferry-change']).toBe(trace);
  await house.publishes('new.example.com.', 'A', ['192.0.2.9']);
  const serial = await house.serial(ZONE);
  await ixfr({ ...house.dns, zone: ZONE, serial: serial - 1 });
  const of = await whole(spans, trace, ['publish', 'NOTIFY', 'transfer', 'change to visible']);
  const request = of.find(({ name }) => name === 'POST /v1/zones/:zone/records');
  expect(request).toMatchObject({ parent: 'b7ad6b7169203331', service: 'dns-sync' });
  const publish = of.find(({ name }) => name === 'publish');
  expect(publish).toMatchObject({ parent: request?.id, values: { zone: ZONE, serial } });
  for (const name of ['NOTIFY', 'transfer', 'change to visible'])
    expect(of.find((span) => span.name === name)).toMatchObject({ parent: publish?.id, values: { serial } });
  expect(of.find(({ name }) => name === 'transfer')?.values).toMatchObject({
    given: 'IXFR',
    secondary: 'ns1',
  });
  expect(headers[0]).toMatchObject({ 'x-key': 'open sesame', 'content-type': 'application/x-protobuf' });

  // a target that moves: found by a tick, whose job is BullMQ's
  house.upstream.set('cdn.example.net', { A: ['192.0.2.1'], ttl: 1 });
  await house.operator.query(
    `insert into records (zone_id, name, type, content) select id, 'cdn.example.com.', 'ALIAS', 'cdn.example.net.' from zones`,
  );
  await house.publishes('cdn.example.com.', 'A', ['192.0.2.1']);
  house.upstream.set('cdn.example.net', { A: ['192.0.2.2'], ttl: 1 });
  await house.publishes('cdn.example.com.', 'A', ['192.0.2.2']);
  await axfr({ ...house.dns, zone: ZONE });
  const ticked = await whole(spans, await changeOf(house), ['tick', 'resync', 'look', 'publish', 'transfer']);
  const named = (name: string) => ticked.find((span) => span.name === name);
  const parentOf = (span: SpanSeen | undefined) => ticked.find(({ id }) => id === span?.parent)?.name;
  expect(named('tick')?.parent).toBe('');
  expect(parentOf(named('add resync.resync'))).toBe('tick');
  expect(parentOf(named('process resync'))).toBe('add resync.resync');
  expect(parentOf(named('resync'))).toBe('process resync');
  expect(parentOf(named('look'))).toBe('resync');
  expect(parentOf(named('publish'))).toBe('resync');
  expect(parentOf(named('transfer'))).toBe('publish');
  // what is done all the time, and polled by machines, is no trace
  expect(spans.filter(({ name, parent }) => parent === '' && /getNextJob|Stalled/.test(name))).toEqual([]);
});

async function whole(spans: SpanSeen[], trace: string, names: string[]): Promise<SpanSeen[]> {
  return until(
    `${names.join(', ')} of ${trace}`,
    async () => {
      const of = spans.filter((span) => span.trace === trace);
      return names.every((wanted) => of.some(({ name }) => name === wanted)) && of;
    },
    { explain: () => spans.map((span) => `${span.trace} ${span.parent} ${span.id} ${span.name}`).join('\n') },
  );
}

test('an edit in SQL begins a trace of its own; a sampler that keeps none sends none', async () => {
  const { spans, url } = await collector();
  const { house } = await openTraced({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces` });
  const of = await whole(spans, await changeOf(house), ['publish', 'NOTIFY', 'change to visible']);
  const publish = of.find(({ name }) => name === 'publish');
  expect(publish?.parent).toBe('');
  expect(of.find(({ name }) => name === 'NOTIFY')?.parent).toBe(publish?.id);
  await house.close();
  closings.splice(closings.length - 1);
  const none = await collector();
  const { house: quiet } = await openTraced({
    OTEL_EXPORTER_OTLP_ENDPOINT: none.url,
    OTEL_TRACES_SAMPLER: 'always_off',
  });
  await asker(quiet.http)('GET', '/v1/zones');
  await quiet.close();
  closings.splice(closings.length - 1);
  expect(none.spans).toEqual([]);
});

test.each([
  ['away', async () => 'http://127.0.0.1:9'],
  [
    'deaf',
    async () => {
      const deaf = createTcpServer((socket) => socket.on('error', () => {}).resume());
      await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
      const sockets = new Set<{ destroy(): void }>();
      deaf.on('connection', (socket) => sockets.add(socket));
      closings.push(() => {
        for (const socket of sockets) socket.destroy();
        deaf.close();
      });
      return `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    },
  ],
])(
  'a collector that is %s: nothing is disturbed, and the service stops in time',
  async (_what, urlOf) => {
    const database = await freshDatabase();
    closings.push(() => database.drop());
    const service = await startService({
      databaseUrl: database.url,
      settings: {
        OTEL_EXPORTER_OTLP_ENDPOINT: await urlOf(),
        OTEL_BSP_SCHEDULE_DELAY: '100',
        OTEL_BSP_MAX_QUEUE_SIZE: '10',
      },
    });
    closings.push(() => service.stop());
    await service.cli(
      'zone',
      'add',
      'example.com',
      '--primary',
      'ns1.example.com',
      '--contact',
      'h@example.com',
    );
    const operator = new pg.Client(database.url);
    await operator.connect();
    // more spans than may wait
    for (let number = 1; number <= 20; number++)
      await operator.query(
        `insert into records (zone_id, name, type, content) select id, 'www.example.com.', 'A', $1 from zones`,
        [`192.0.2.${number}`],
      );
    await until('they are published', async () => {
      const { rows } = await operator.query('select count(*)::integer as count from transfer_records');
      return rows[0].count === 21;
    });
    await operator.end();
    const result = await service.run('resync', '--wait', '--json');
    expect(result.status).toBe(0);
    await until('it is said', async () => /traces can not be delivered/.test(service.log()), {
      deadlineMs: 25_000,
    });
    await service.stop();
  },
  60_000,
);
