import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { addKey, findKey, sealSecrets } from '../../src/store/keys.ts';
import { readKeys } from '../../src/store/registry.ts';
import { Secrets } from '../../src/store/secrets.ts';
import { testStore } from '../support/store.ts';

const key = () => randomBytes(32).toString('base64');
const SECRET = Buffer.from('a secret of thirty-two octets ..');

test('what is sealed is opened by the same key alone, and differs each time', () => {
  const secrets = new Secrets([key()]);
  const [one, other] = [secrets.seal(SECRET), secrets.seal(SECRET)];
  expect(one).not.toBe(other);
  expect(one).not.toContain(SECRET.toString('base64').slice(0, 8));
  expect(secrets.open(one)).toEqual(SECRET);
  expect(new Secrets([key()]).open(one)).toBeUndefined();
  expect(new Secrets().open(one)).toBeUndefined();
});

test('a text that was tampered with is not opened', () => {
  const secrets = new Secrets([key()]);
  const sealed = secrets.seal(SECRET);
  const [form = '', id = '', text = ''] = sealed.split(':');
  const octets = Buffer.from(text, 'base64');
  for (let at = 0; at < octets.length; at++) {
    const changed = Buffer.from(octets);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(secrets.open(`${form}:${id}:${changed.toString('base64')}`)).toBeUndefined();
  }
  expect(secrets.open(`${form}:${id}:AAAA`)).toBeUndefined();
  for (const opener of [secrets, new Secrets()])
    for (let length = 1; length < sealed.length; length++)
      if (sealed.slice(0, length).includes(':'))
        expect([length, opener.open(sealed.slice(0, length))]).toEqual([length, undefined]);
});

test('without a key secrets stay as a platform writes them', () => {
  const secrets = new Secrets();
  expect(secrets.seal(SECRET)).toBe(SECRET.toString('base64'));
  expect(secrets.open(SECRET.toString('base64'))).toEqual(SECRET);
});

test('secrets in the database are encrypted, changed to a new key, and used all the while', async () => {
  const store = await testStore();
  try {
    const [before, after] = [key(), key()];
    const stored = async () =>
      (await store.operator.query<{ secret: string }>('select secret from tsig_keys order by name')).rows.map(
        (row) => row.secret,
      );
    await store.operator.query("insert into tsig_keys (name, secret) values ('by-sql', $1)", [
      SECRET.toString('base64'),
    ]);
    const first = new Secrets([before]);
    expect(await sealSecrets(store.pool, first)).toEqual({ sealed: 1, closed: [], opened: 0 });
    await addKey(store.pool, first, {
      name: 'by-us',
      algorithm: 'hmac-sha256',
      secret: SECRET.toString('base64'),
    });
    for (const secret of await stored()) expect(secret).toMatch(new RegExp(`^${first.prefix}`));
    expect((await readKeys(store.pool, first)).map((entry) => entry.secret)).toEqual([SECRET, SECRET]);

    const both = new Secrets([after, before]);
    expect((await readKeys(store.pool, both)).length).toBe(2);
    expect(await sealSecrets(store.pool, both)).toEqual({ sealed: 2, closed: [], opened: 2 });
    const second = new Secrets([after]);
    for (const secret of await stored()) expect(secret).toMatch(new RegExp(`^${second.prefix}`));
    expect((await findKey(store.pool, second, 'by-sql'))?.secret).toBe(SECRET.toString('base64'));
    expect(await readKeys(store.pool, first)).toEqual([]);
    expect(await sealSecrets(store.pool, first)).toEqual({
      sealed: 0,
      closed: ['by-sql', 'by-us'],
      opened: 0,
    });
    await expect(findKey(store.pool, first, 'by-us')).rejects.toThrow('SECRET_KEY does not open it');
  } finally {
    await store.close();
  }
});

test('what is not base64 is refused by the database, without the secret in its words', async () => {
  const store = await testStore();
  try {
    const adding = addKey(store.pool, new Secrets([key()]), {
      name: 'k1',
      algorithm: 'hmac-sha256',
      secret: 'not base64!',
    });
    await expect(adding).rejects.toThrow('key k1: its secret is not base64');
    await expect(adding).rejects.not.toThrow('not base64!');
  } finally {
    await store.close();
  }
});

test('with keys that open none of the encrypted secrets nothing is encrypted', async () => {
  const store = await testStore();
  try {
    const [right, wrong] = [new Secrets([key()]), new Secrets([key()])];
    const plain = SECRET.toString('base64');
    await store.operator.query("insert into tsig_keys (name, secret) values ('sealed', $1), ('by-sql', $2)", [
      right.seal(SECRET),
      plain,
    ]);
    expect(await sealSecrets(store.pool, wrong)).toEqual({ sealed: 0, closed: ['sealed'], opened: 0 });
    expect(await sealSecrets(store.pool, right)).toEqual({ sealed: 1, closed: [], opened: 1 });
    expect((await findKey(store.pool, right, 'by-sql'))?.secret).toBe(plain);
  } finally {
    await store.close();
  }
});
