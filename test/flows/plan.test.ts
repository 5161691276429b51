import { afterEach, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { axfr, ixfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

let house: House;
afterEach(() => house.close());

const post = async (path: string, body: object) => {
  const reply = await fetch(`${house.http}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: reply.status, data: ((await reply.json()) as { data: never }).data };
};

test('the plan through the API adds no job, and its bytes are those of the transfers', async () => {
  house = await openHouse({ RESYNC_CRON: '0 0 0 1 1 *' });
  house.upstream.set('cdn.example.net', { A: ['192.0.2.1', '192.0.2.2'], AAAA: ['2001:db8::1'], ttl: 300 });
  await house.operator.query(
    `insert into secondaries (name, addresses, transfer_from) values ('one', '{127.0.0.1:9}', '{127.0.0.1/32}')`,
  );
  await house.zone('example.com.', [
    ['example.com.', 'ALIAS', 'cdn.example.net.'],
    ['www.example.com.', 'ALIAS', 'cdn.example.net.'],
    ['mail.example.com.', 'MX', '10 mx.example.org.'],
  ]);
  await house.publishes('www.example.com.', 'A', ['192.0.2.1', '192.0.2.2']);
  const whole = await axfr({ ...house.dns, zone: 'example.com.' });
  const serial = await house.serial('example.com.');
  house.upstream.set('cdn.example.net', { A: ['192.0.2.2', '192.0.2.3'], AAAA: ['2001:db8::1'], ttl: 300 });

  const { status, data } = await post('/v1/resyncs', { zones: ['example.com'], dryRun: true });
  expect(status).toBe(200);
  expect(data).toMatchObject({
    changedZones: 1,
    changedRecords: 4,
    zones: [
      { zone: 'example.com.', why: [expect.stringMatching(/^cdn\.example\.net\. moved, A found by /)] },
    ],
    blast: { zones: 1, notifies: 1, secondaries: 1, axfrs: 1 },
  });
  expect((await post('/v1/resyncs/plan', {})).data).toMatchObject({ changedZones: 1 });
  const jobs = await (await fetch(`${house.http}/v1/jobs`)).json();
  expect(jobs).toMatchObject({ data: [] });
  const { axfrBytes } = (data as { blast: { axfrBytes: number } }).blast;
  expect(Math.abs(axfrBytes - whole.octets)).toBeLessThan(whole.octets / 4);

  expect((await post('/v1/resyncs', { zones: ['example.com'] })).status).toBe(202);
  await until('it is published', async () => (await house.serial('example.com.')) !== serial);
  const step = await ixfr({ ...house.dns, zone: 'example.com.', serial });
  expect(step.result).toMatchObject({ kind: 'ixfr' });
  expect((data as { zones: { ixfrBytes: number }[] }).zones[0]?.ixfrBytes).toBe(step.octets);
});
