import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatName } from '../../src/dns/name.ts';
import { parseZoneFile } from '../../src/dns/zonefile/index.ts';
import { Authority, type Certificate } from '../support/certificates.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import {
  canonicalRecord,
  differences,
  freePort,
  installed,
  type Secondary,
  startSecondary,
} from '../support/secondaries/index.ts';
import { findProgram } from '../support/secondaries/server-process.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';

const NAME = 'primary.test';
const SECRET = Buffer.from('a secret of thirty-two octets ..').toString('base64');
/** The two of Debian 12 that pull zones over TLS. */
const KINDS = ['bind', 'nsd'] as const;
type Kind = (typeof KINDS)[number];

let authority: Authority;
let stranger: Authority;
let own: Certificate;
let theirs: Certificate;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([Authority.make(), Authority.make('Another Authority')]);
  [own, theirs] = await Promise.all([authority.issue(NAME), authority.issue('secondary.test')]);
});
afterAll(async () => {
  await Promise.all([authority?.remove(), stranger?.remove()]);
});

/**
 * Real servers, set up as `zoneferry secondary config --tls` says, pull a zone over TLS and follow its changes by IXFR. They
 * check our certificate; with TLS_CLIENT_CA we check theirs.
 */
describe.each([false, true])('XFR over TLS (RFC 9103), clients with a certificate: %s', (isMutual) => {
  let database: FreshDatabase;
  let service: Service;
  let tlsPort: number;
  const secondaries: Secondary[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    tlsPort = await freePort();
    service = await startService({
      databaseUrl: database.url,
      settings: {
        TLS_LISTEN: `127.0.0.1:${tlsPort}`,
        TLS_CERT: own.certFile,
        TLS_KEY: own.keyFile,
        ...(isMutual ? { TLS_CLIENT_CA: authority.caFile } : {}),
      },
    });
    await addZone('kdig');
    await service.cli('key', 'add', 'kdig-key', '--secret', SECRET);
    const at = `127.0.0.1:${await freePort()}`;
    await service.cli('secondary', 'add', 'kdig', '--address', at, '--key', 'kdig-key', '--no-notify');
  });
  afterAll(async () => {
    for (const secondary of secondaries) await secondary.stop();
    await service?.stop();
    await database?.drop();
  });

  const shown = (certificate: Certificate) => [
    '--tls-cert',
    certificate.certFile,
    '--tls-key',
    certificate.keyFile,
  ];
  const usual = () => ['--tls', NAME, '--tls-ca', authority.caFile, ...(isMutual ? shown(theirs) : [])];

  test.skipIf(!installed('bind') || !installed('nsd')).each(
    KINDS.flatMap((kind) => [
      { kind, access: 'by address', signed: false },
      { kind, access: 'with TSIG', signed: true },
    ]),
  )('$kind $access follows by IXFR', async ({ kind, signed }) => {
    const label = `${kind}-${signed ? 'tsig' : 'plain'}`;
    const zone = `${label}.test.`;
    const secondary = await register(kind, label, signed, usual());
    const hasAll = async () => {
      const exported = exportedSet(await service.cli('zone', 'export', zone));
      return differences(await secondary.content(zone), exported).length === 0;
    };
    const hasZone = async () => (await secondary.serial(zone)) !== undefined;
    await until(`${label} has the zone`, async () => (await hasZone()) || (await remind(kind, zone)), {
      explain: () => `${tail(secondary.log())}\n${tail(service.log())}`,
    });
    expect(await hasAll()).toBe(true);
    for (const address of ['192.0.2.7', '192.0.2.8']) {
      await service.cli('record', 'add', zone, 'new', 'A', address);
      await until(
        `${label} has ${address}`,
        async () => (await secondary.query(`new.${zone}`, 'A')).includes(address),
        { everyMs: 100, explain: () => `${tail(secondary.log())}\n${tail(service.log())}` },
      );
      expect(await hasAll()).toBe(true);
    }
    const ended = linesAbout(zone).filter((line) => / ended: /.test(line.msg));
    expect(ended.filter((line) => line.given === 'IXFR').length).toBeGreaterThanOrEqual(2);
    expect(new Set(linesAbout(zone).flatMap((line) => line.transport ?? []))).toEqual(new Set(['tls']));
  });

  test.skipIf(!installed('bind') || !installed('nsd')).each(KINDS)(
    '%s takes nothing from a server of another name, or of an authority that it does not know',
    async (kind) => {
      const rest = isMutual ? shown(theirs) : [];
      const cases = {
        name: ['--tls', 'other.test', '--tls-ca', authority.caFile, ...rest],
        authority: ['--tls', NAME, '--tls-ca', stranger.caFile, ...rest],
      };
      for (const [what, options] of Object.entries(cases)) {
        const label = `${kind}-wrong-${what}`;
        const secondary = await register(kind, label, false, options);
        await until(`${label} tries`, async () => triedInVain(kind, secondary.log()), {
          explain: () => `${tail(secondary.log())}\n${tail(service.log())}`,
        });
        expect(await secondary.serial(`${label}.test.`)).toBeUndefined();
        expect(linesAbout(`${label}.test.`).filter((line) => / started/.test(line.msg))).toEqual([]);
      }
    },
  );

  // asked of a server that wants certificates alone: the other has no such case, and so nothing to skip
  test.skipIf(!installed('bind') || !installed('nsd')).each(isMutual ? KINDS : [])(
    '%s with a certificate of another authority is closed on',
    async (kind) => {
      const wrong = await stranger.issue('secondary.test');
      const label = `${kind}-stranger`;
      await register(kind, label, false, ['--tls', NAME, '--tls-ca', authority.caFile, ...shown(wrong)]);
      const says = "the client's certificate is not good for TLS_CLIENT_CA";
      const isSaid = () => service.log().includes(says);
      await until(says, async () => isSaid() || (await remind(kind, `${label}.test.`)), {
        explain: () => tail(service.log()),
      });
      expect(linesAbout(`${label}.test.`).filter((line) => / started/.test(line.msg))).toEqual([]);
    },
  );

  describe.skipIf(findProgram('kdig') === undefined)('kdig +tls', () => {
    const key = ['-y', `hmac-sha256:kdig-key:${SECRET}`];

    const certificate = () =>
      isMutual ? [`+tls-certfile=${theirs.certFile}`, `+tls-keyfile=${theirs.keyFile}`] : [];

    test('asks SOA, AXFR and IXFR, checks our name, and gets its replies padded', async () => {
      const options = [...key, `+tls-ca=${authority.caFile}`, `+tls-hostname=${NAME}`, ...certificate()];
      const soa = await kdig(...options, '+padding', 'kdig.test', 'SOA');
      expect(soa).toMatch(/TLS session \(TLS1\.3\)/);
      expect(soa).toMatch(/status: NOERROR/);
      expect(soa).toMatch(/PADDING: \d+ B/);
      expect(Number(/Received (\d+) B/.exec(soa)?.[1]) % 468).toBe(0);
      expect(await kdig(...options, 'kdig.test', 'AXFR')).toMatch(
        /^www\.kdig\.test\.\s+3600\s+IN\s+A\s+192\.0\.2\.1$/m,
      );
      const { serial } = JSON.parse(await service.cli('zone', 'show', 'kdig.test', '--json'));
      await service.cli('record', 'add', 'kdig.test', 'new', 'A', '192.0.2.7');
      let incremental = '';
      await until('the change is published', async () => {
        incremental = await kdig(...options, 'kdig.test', `IXFR=${serial}`);
        return /192\.0\.2\.7/.test(incremental);
      });
      expect(incremental.match(/\sIN\s+SOA\s/g)).toHaveLength(4);
      for (const text of [soa, incremental]) expect(text).not.toMatch(/WARNING|BADSIG|BADKEY/);
    });

    test('is refused another zone and without a key; does not believe another name', async () => {
      const options = [`+tls-ca=${authority.caFile}`, `+tls-hostname=${NAME}`, ...certificate()];
      expect(await kdig(...key, ...options, 'unknown.test', 'SOA')).toMatch(/status: REFUSED/);
      expect(await kdig(...options, 'kdig.test', 'AXFR')).toMatch(/REFUSED/);
      const wrong = await kdig(
        ...key,
        `+tls-ca=${authority.caFile}`,
        '+tls-hostname=other.test',
        'kdig.test',
        'SOA',
      );
      expect(wrong).toMatch(/TLS, handshake failed/);
    });

    test.each(isMutual ? ['kdig'] : [])('gets no answer without a certificate', async () => {
      const options = [...key, `+tls-ca=${authority.caFile}`, `+tls-hostname=${NAME}`];
      expect(await kdig(...options, 'kdig.test', 'SOA')).not.toMatch(/NOERROR|ANSWER SECTION/);
      await until('it is told', async () => service.log().includes('the client has no certificate'));
    });
  });

  /** Makes a zone, registers a secondary for it and starts that with the configuration that is printed for it. */
  async function register(kind: Kind, label: string, signed: boolean, options: string[]): Promise<Secondary> {
    const zone = await addZone(label);
    const port = await freePort();
    if (signed) await service.cli('key', 'add', `${label}-key`);
    const keyed = signed ? ['--key', `${label}-key`] : [];
    await service.cli('secondary', 'add', label, '--address', `127.0.0.1:${port}`, '--zones', zone, ...keyed);
    const config = await service.cli('secondary', 'config', label, '--for', kind, ...options);
    const secondary = await startSecondary(kind, { primary: service.dns, zones: [zone], port, config });
    secondaries.push(secondary);
    return secondary;
  }

  /**
   * NSD 4.6 shows its certificate from its second connection after a start on, whoever the server is, and tries again by
   * itself after half a minute. A NOTIFY makes it sooner.
   */
  async function remind(kind: Kind, zone: string): Promise<false> {
    if (isMutual && kind === 'nsd') await service.cli('notify', zone);
    return false;
  }

  async function addZone(label: string): Promise<string> {
    const zone = `${label}.test.`;
    const file = join(service.folder, `${zone}zone`);
    const hosts = Array.from({ length: 500 }, (_, n) => `h${n} A 10.0.0.${n % 256}`).join('\n');
    await writeFile(
      file,
      `$ORIGIN ${zone}\n$TTL 3600\n@ SOA ns1 h 7 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.1\nwww A 192.0.2.1\n${hosts}\n`,
    );
    await service.cli('zone', 'import', file);
    return zone;
  }

  async function kdig(...words: string[]): Promise<string> {
    const args = ['@127.0.0.1', '-p', String(tlsPort), '+tls', '+timeout=5', '+retry=0', ...words];
    try {
      const { stdout, stderr } = await promisify(execFile)('kdig', args, { timeout: 20_000 });
      return stdout + stderr;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      return stdout + stderr;
    }
  }

  function linesAbout(zone: string): { msg: string; transport?: string; given?: string }[] {
    return service
      .log()
      .split('\n')
      .filter((line) => line.includes(`"zone":"${zone}"`) && line.includes('"transport"'))
      .map((line) => JSON.parse(line));
  }
});

/** Whether the server has said that it does not believe the primary. */
function triedInVain(kind: Kind, log: string): boolean {
  return kind === 'bind'
    ? /TLS peer certificate verification failed/.test(log)
    : /TLS.*(?:verif|handshake|failed)/i.test(log);
}

function exportedSet(text: string): Set<string> {
  const records = new Set<string>();
  for (const { name, ttl, type, rdata } of parseZoneFile(text).records) {
    if (type !== 'ALIAS') records.add(canonicalRecord(formatName(name), ttl, type, rdata));
  }
  return records;
}

function tail(log: string, about = ''): string {
  const lines = log.split('\n').filter((line) => line.includes(about));
  return lines.slice(-20).join('\n');
}
