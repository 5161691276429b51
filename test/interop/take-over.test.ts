import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestCli, testCli } from '../cli/support.ts';
import { answers } from '../support/secondaries/dig.ts';
import { freePort } from '../support/secondaries/ports.ts';
import { type ReferencePrimary, startReferencePrimary } from '../support/secondaries/reference-primary.ts';
import { findProgram, ServerProcess } from '../support/secondaries/server-process.ts';
import { powerdnsSchema } from '../support/secondaries/wrap.ts';

/** A zone is taken over from a primary that serves it, by AXFR: Knot with every record type, PowerDNS with its ALIAS. */

const KEY = {
  name: 'transfer-key',
  algorithm: 'hmac-sha256',
  secret: Buffer.from('a secret of thirty-two octets ..').toString('base64'),
};
let cli: TestCli;
beforeAll(async () => {
  cli = await testCli();
});
afterAll(() => cli?.close());

test.skipIf(!findProgram('knotd') && !process.env.CI)(
  'every record type comes over from Knot, signed with a key of ours or one written out',
  async () => {
    const text = await readFile(new URL('../fixtures/all-types.zone', import.meta.url), 'utf8');
    const plain = text.replaceAll(/^.*\bALIAS\b.*$/gm, '').replaceAll(/^.*\bANAME\b.*$/gm, '');
    const knot: ReferencePrimary = await startReferencePrimary('all-types.test', plain, KEY);
    try {
      const server = `127.0.0.1@${knot.port}`;
      const refused = await cli.fails(1, 'zone', 'import', 'all-types.test', '--from-axfr', server);
      expect(refused).toMatch(
        /^error: all-types\.test\. of 127\.0\.0\.1:\d+: the primary answered \w+: it has to allow AXFR from here, or with a key: --key$/,
      );
      await cli.ok('key', 'add', KEY.name, '--secret', KEY.secret);
      const imported = await cli.json<{ created: boolean; records: number }>(
        ...['zone', 'import', 'All-Types.test', '--from-axfr', server, '--key', KEY.name],
      );
      expect(imported).toMatchObject({ zone: 'all-types.test.', created: true, warnings: [] });
      const again = await cli.json(
        ...[
          'zone',
          'import',
          'all-types.test',
          '--from-axfr',
          server,
          '--key',
          `hmac-sha256:${KEY.name}:${KEY.secret}`,
        ],
      );
      expect(again).toMatchObject({ created: false, changed: false, records: imported.records });
      const file = await cli.file('plain.zone', plain);
      expect(await cli.json('zone', 'import', file)).toMatchObject({ changed: false });
      const wrong = Buffer.from('another secret').toString('base64');
      expect(
        await cli.fails(
          1,
          'zone',
          'import',
          'all-types.test',
          '--from-axfr',
          server,
          '--key',
          `${KEY.name}:${wrong}`,
        ),
      ).toContain('the peer refuses our signature: BADSIG');
    } finally {
      await knot.stop();
    }
  },
);

test.skipIf(!findProgram('pdns_server') && !process.env.CI)(
  "PowerDNS's ALIAS comes over as ALIAS",
  async () => {
    const execute = promisify(execFile);
    const folder = await mkdtemp(join(tmpdir(), 'primary-powerdns-'));
    const port = await freePort();
    await writeFile(
      join(folder, 'pdns.conf'),
      `launch=gsqlite3
gsqlite3-database=${folder}/pdns.sqlite3
socket-dir=${folder}
local-address=127.0.0.1
local-port=${port}
setuid=
setgid=
primary=yes
allow-axfr-ips=127.0.0.0/8
expand-alias=yes
resolver=127.0.0.1:9
disable-syslog=yes
security-poll-suffix=
`,
    );
    await execute('sqlite3', [`${folder}/pdns.sqlite3`, `.read ${await powerdnsSchema()}`]);
    const pdnsutil = (...args: string[]) =>
      execute(findProgram('pdnsutil') ?? 'pdnsutil', [`--config-dir=${folder}`, ...args]);
    await pdnsutil('create-zone', 'pdns.test', 'ns1.pdns.test');
    await pdnsutil('add-record', 'pdns.test', '@', 'ALIAS', '300', 'myapp.cloudprovider.com.');
    await pdnsutil('add-record', 'pdns.test', 'shop', 'ALIAS', '60', 'shops.example.net.');
    await pdnsutil('add-record', 'pdns.test', '@', 'MX', '10 mail.pdns.test.');
    const server = new ServerProcess(
      findProgram('pdns_server') ?? 'pdns_server',
      [`--config-dir=${folder}`, '--guardian=no', '--daemon=no'],
      { folder },
    );
    try {
      await server.until(() => answers({ address: '127.0.0.1', port }, 'pdns.test'), 15_000);
      await cli.ok('zone', 'import', 'pdns.test', '--from-axfr', `127.0.0.1:${port}`);
      const source = await cli.ok('zone', 'export', 'pdns.test', '--source');
      expect(source).toMatch(/^pdns\.test\. 300 IN ALIAS myapp\.cloudprovider\.com\.$/m);
      expect(source).toMatch(/^shop\.pdns\.test\. 60 IN ALIAS shops\.example\.net\.$/m);
      expect(source).toMatch(/^pdns\.test\. \d+ IN MX 10 mail\.pdns\.test\.$/m);
    } finally {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
);

test('a primary that is not there, and a zone that it does not have, are one line', async () => {
  const nobody = `127.0.0.1:${await freePort()}`;
  expect(await cli.fails(1, 'zone', 'import', 'x.test', '--from-axfr', nobody)).toContain('ECONNREFUSED');
  expect(await cli.fails(2, 'zone', 'import', 'x.test', '--from-axfr', 'ns1.example')).toContain(
    'is no IP, IP:PORT',
  );
  expect(await cli.fails(2, 'zone', 'import', 'x.test', '--key', 'k1')).toContain('--from-axfr');
});
