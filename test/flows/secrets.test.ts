import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { absoluteName } from '../../src/dns/name.ts';
import { type House, openHouse } from '../support/house.ts';
import { axfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

let house: House;
const secretKey = randomBytes(32).toString('base64');
beforeAll(async () => {
  house = await openHouse({ SECRET_KEY: secretKey });
});
afterAll(() => house?.close());

test('a secret that SQL inserts is encrypted at rest, and signs transfers all the while', async () => {
  const secret = randomBytes(32);
  await house.zone('secrets.example');
  await house.operator.query("insert into tsig_keys (name, secret) values ('k1', $1)", [
    secret.toString('base64'),
  ]);
  await house.operator.query(
    "insert into secondaries (name, addresses, keys, notify) values ('ns1', '{127.0.0.1}', '{k1}', false)",
  );
  const stored = await until('the secret is encrypted', async () => {
    const { rows } = await house.operator.query('select secret from tsig_keys');
    return rows[0].secret.startsWith('aes256gcm:') && rows[0].secret;
  });
  expect(stored).not.toContain(secret.toString('base64').slice(0, 12));
  const key = { name: absoluteName('k1'), algorithm: 'hmac-sha256' as const, secret };
  await until('a signed transfer', async () => axfr({ ...house.dns, zone: 'secrets.example.', key }));
  await expect(
    axfr({ ...house.dns, zone: 'secrets.example.', key: { ...key, secret: randomBytes(32) } }),
  ).rejects.toThrow();
  for (const line of house.lines) expect(line).not.toContain(secret.toString('base64'));
});

test('another SECRET_KEY ends the start with one line, and so does none', async () => {
  await expect(
    house.addService(['worker'], { SECRET_KEY: randomBytes(32).toString('base64') }),
  ).rejects.toThrow(
    /^SECRET_KEY: got another one, takes the one that the TSIG secrets .* \(1 can.t be opened: k1\); .* NEW,OLD opens both$/,
  );
  await expect(house.addService(['worker'], { SECRET_KEY: '' })).rejects.toThrow(/^SECRET_KEY: is unset/);
});
