import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Resolver } from '../../src/resolve/resolver.ts';
import { parseResolver } from '../../src/resolver-address.ts';
import { Authority } from '../support/certificates.ts';
import { answers } from '../support/secondaries/dig.ts';
import { freePort } from '../support/secondaries/index.ts';
import { findProgram, ServerProcess } from '../support/secondaries/server-process.ts';

const program = findProgram('unbound');

describe.skipIf(program === undefined)('unbound', () => {
  let folder: string;
  let authority: Authority;
  let server: ServerProcess;
  const ports = { plain: 0, tls: 0, https: 0 };
  const open: Resolver[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unbound-'));
    authority = await Authority.make();
    const { certFile, keyFile } = await authority.issue('resolver.test');
    Object.assign(ports, { plain: await freePort(), tls: await freePort(), https: await freePort() });
    const many = Array.from({ length: 900 }, (_, index) => `198.18.${index >> 8}.${index & 255}`);
    await writeFile(
      join(folder, 'unbound.conf'),
      `server:
  interface: 127.0.0.1@${ports.plain}
  interface: 127.0.0.1@${ports.tls}
  interface: 127.0.0.1@${ports.https}
  tls-port: ${ports.tls}
  https-port: ${ports.https}
  tls-service-pem: "${certFile}"
  tls-service-key: "${keyFile}"
  directory: "${folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  local-zone: "targets.test." static
  local-data: "cdn.targets.test. 300 A 203.0.113.1"
  local-data: "cdn.targets.test. 300 AAAA 2001:db8::1"
${many.map((address) => `  local-data: "many.targets.test. 300 A ${address}"`).join('\n')}
${Array.from({ length: 300 }, (_, index) => `  local-data: "t${index}.targets.test. 60 A 203.0.113.${index & 255}"`).join('\n')}
`,
    );
    server = new ServerProcess(program ?? '', ['-d', '-c', join(folder, 'unbound.conf')], { folder });
    await server.until(
      () => answers({ address: '127.0.0.1', port: ports.plain }, 'cdn.targets.test.'),
      20_000,
    );
  }, 60_000);
  afterEach(async () => {
    for (const resolver of open.splice(0)) await resolver.close();
  });
  afterAll(async () => {
    await server?.stop();
    await authority?.remove();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  function resolverAt(text: string, ca = true): Resolver {
    const address = parseResolver(text);
    if (address === undefined) throw new Error(text);
    const resolver = new Resolver({
      servers: [address],
      timeoutMs: 10_000,
      tries: 1,
      ca: ca ? authority.ca : undefined,
      clock: systemClock,
    });
    open.push(resolver);
    return resolver;
  }

  const ways = () =>
    [
      [`127.0.0.1:${ports.plain}`],
      [`tls://127.0.0.1:${ports.tls}`],
      [`tls://127.0.0.1:${ports.tls}#resolver.test`],
      [`https://127.0.0.1:${ports.https}/dns-query`],
    ] as const;

  test.each([0, 1, 2, 3])('addresses, a "no" and a large answer come by each way (%i)', async (index) => {
    const [text] = ways()[index]!;
    const resolver = resolverAt(text);
    expect(await resolver.look('cdn.targets.test.', 'A')).toMatchObject({
      outcome: { kind: 'found', addresses: ['203.0.113.1'], ttl: 300 },
      resolver: text,
    });
    expect((await resolver.look('cdn.targets.test.', 'AAAA')).outcome).toHaveProperty('addresses', [
      '2001:db8::1',
    ]);
    expect((await resolver.look('many.targets.test.', 'A')).outcome).toHaveProperty('addresses.length', 900);
    expect((await resolver.look('many.targets.test.', 'AAAA')).outcome).toMatchObject({ kind: 'nodata' });
    expect((await resolver.look('none.targets.test.', 'A')).outcome).toMatchObject({ kind: 'nxdomain' });
  });

  test.each([0, 1, 3])('300 looks at once all get their own answer (%i)', async (index) => {
    const resolver = resolverAt(ways()[index]![0]);
    const looks = await Promise.all(
      Array.from({ length: 300 }, (_, target) => resolver.look(`t${target}.targets.test.`, 'A')),
    );
    looks.forEach((look, target) => {
      expect(look.outcome).toHaveProperty('addresses', [`203.0.113.${target & 255}`]);
    });
  });

  test.each([
    ['tls://127.0.0.1:TLS#other.test', true, /not for other\.test\.?, but for DNS:resolver\.test/],
    ['tls://127.0.0.1:TLS', false, /authority that is not trusted here .*RESOLVE_CA/],
    ['https://127.0.0.1:HTTPS/dns-query', false, /authority that is not trusted here .*RESOLVE_CA/],
    ['https://127.0.0.1:HTTPS/elsewhere', true, /HTTP status 404/],
  ])('%s is unreachable, in words', async (text, ca, words) => {
    const filled = text.replace('HTTPS', String(ports.https)).replace('TLS', String(ports.tls));
    const { outcome } = await resolverAt(filled, ca).look('cdn.targets.test.', 'A');
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'unreachable' });
    expect(outcome).toHaveProperty('detail', expect.stringMatching(words));
  });
});
