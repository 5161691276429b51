import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { absoluteName } from '../../src/dns/name.ts';
import { Secrets } from '../../src/store/secrets.ts';
import { type TestCli, testCli } from '../cli/support.ts';
import { type House, openHouse } from '../support/house.ts';
import { ServerProcess } from '../support/secondaries/server-process.ts';
import { BIN, environmentOf } from '../support/service.ts';
import { axfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

/** SECRET_KEY is another one, or what it encrypted was damaged: it denies, says so, and goes on with all else. */

const ZONE = 'locked.example.';
const newKey = () => randomBytes(32).toString('base64');
const key = (name: string, secret: Buffer) => ({
  name: absoluteName(name),
  algorithm: 'hmac-sha256' as const,
  secret,
});

test('a secret that can not be opened lets nobody in, above all nobody without a signature', {
  timeout: 240_000,
}, async () => {
  const house: House = await openHouse({ SECRET_KEY: newKey() });
  try {
    const [good, lost] = [randomBytes(32), randomBytes(32)];
    await house.zone(ZONE);
    for (const [name, secret, address] of [
      ['good', good, '127.0.0.1'],
      ['lost', lost, '127.0.0.2'],
    ] as const) {
      await house.operator.query('insert into tsig_keys (name, secret) values ($1, $2)', [
        name,
        secret.toString('base64'),
      ]);
      await house.operator.query(
        'insert into secondaries (name, addresses, keys, notify) values ($1, array[$2], array[$1], false)',
        [name, address],
      );
    }
    await house.operator.query(
      "insert into secondaries (name, addresses, notify) values ('plain', '{127.0.0.3}', false)",
    );
    const ask = (localAddress: string, signs?: ReturnType<typeof key>) =>
      axfr({ ...house.dns, zone: ZONE, localAddress, ...(signs ? { key: signs } : {}) });
    await until('both are served', async () => ask('127.0.0.2', key('lost', lost)));
    const stored = async (name: string) =>
      (await house.operator.query('select secret from tsig_keys where name = $1', [name])).rows[0]
        .secret as string;
    const sealed = await until('it is encrypted', async () => {
      const text = await stored('lost');
      return text.startsWith('aes256gcm:') && text;
    });
    // encrypted with another key; cut short; cut off behind the last colon
    for (const damaged of [
      new Secrets([newKey()]).seal(lost),
      sealed.slice(0, -8),
      sealed.slice(0, 'aes256gcm:12345678:'.length),
    ]) {
      await house.operator.query("update tsig_keys set secret = $1 where name = 'lost'", [damaged]);
      await until('who signs with it is refused', async () => {
        await expect(ask('127.0.0.2', key('lost', lost))).rejects.toThrow();
        return true;
      });
      await expect(ask('127.0.0.2'), damaged).rejects.toThrow(/REFUSED/);
      const read = Buffer.from(damaged, 'base64');
      if (read.length > 0) await expect(ask('127.0.0.2', key('lost', read))).rejects.toThrow();
      expect((await ask('127.0.0.1', key('good', good))).result.kind).toBe('axfr');
      expect((await ask('127.0.0.3')).result.kind).toBe('axfr');
    }
    await until('it is said', async () =>
      house.lines.some((line) => line.includes('the secrets of lost can not be opened with SECRET_KEY')),
    );
    for (const line of house.lines)
      for (const secret of [good, lost]) expect(line).not.toContain(secret.toString('base64'));
    // mended by hand
    await house.operator.query("update tsig_keys set secret = $1 where name = 'lost'", [
      lost.toString('base64'),
    ]);
    await until('it is served again', async () => ask('127.0.0.2', key('lost', lost)));
  } finally {
    await house.close();
  }
});

/** So many that it is killed before the last one. */
const KEYS = 5_000;
let cli: TestCli;
const [before, after] = [newKey(), newKey()];
beforeAll(async () => {
  cli = await testCli({ SECRET_KEY: `${after},${before}` });
}, 180_000);
afterAll(() => cli?.close());

test('kill -9 in the middle of a change of SECRET_KEY loses no secret', { timeout: 180_000 }, async () => {
  const secret = randomBytes(32);
  const old = new Secrets([before]);
  await cli.store.operator.query('delete from tsig_keys');
  await cli.store.operator.query(
    "insert into tsig_keys (name, secret) select 'k' || n, text from unnest($1::text[]) with ordinality as t (text, n)",
    [Array.from({ length: KEYS }, () => old.seal(secret))],
  );
  const prefix = new Secrets([after]).prefix ?? '';
  const sealed = async () =>
    Number(
      (
        await cli.store.operator.query('select count(*) from tsig_keys where starts_with(secret, $1)', [
          prefix,
        ])
      ).rows[0].count,
    );
  const sealing = new ServerProcess(process.execPath, [BIN, 'key', 'seal'], {
    folder: cli.folder,
    environment: environmentOf({ DATABASE_URL: cli.store.url, SECRET_KEY: `${after},${before}` }),
  });
  await until('some are encrypted anew', async () => (await sealed()) > 0);
  process.kill(sealing.pid ?? 0, 'SIGKILL');
  // what it had asked of PostgreSQL is carried out all the same
  await until('its connections have ended', async () => {
    const { rows } = await cli.store.operator.query(
      'select count(*)::integer as others from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    return rows[0].others === 0;
  });
  const count = await sealed();
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThan(KEYS);
  const again = await cli.json<{ sealed: number }>('key', 'seal');
  expect(again.sealed).toBe(KEYS - count);
  expect(await sealed()).toBe(KEYS);
  const opened = new Secrets([after]);
  const { rows } = await cli.store.operator.query<{ secret: string }>('select secret from tsig_keys');
  for (const row of rows) expect(opened.open(row.secret)).toEqual(secret);
});
