import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Verdict } from '../../src/cli/doctor/verdict.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { freePort, installed, type Secondary, startSecondary } from '../support/secondaries/index.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';

/** `secondary check` beside real secondaries: one that follows, one with another secret, one that is not there. */

const KINDS = ['bind', 'nsd', 'knot'] as const;
const ZONE = 'check.test';

let database: FreshDatabase;
let service: Service;
beforeAll(async () => {
  database = await freshDatabase();
  service = await startService({ databaseUrl: database.url });
  await service.cli('zone', 'add', ZONE, '--primary', `ns1.${ZONE}`, '--contact', `hostmaster@${ZONE}`);
  await service.cli('record', 'add', ZONE, 'ns1', 'A', '192.0.2.1');
});
afterAll(async () => {
  await service?.stop();
  await database?.drop();
});

async function verdicts(name: string): Promise<Verdict[]> {
  const { stdout, stderr } = await service.run('secondary', 'check', name, '--json');
  expect(stderr).toMatch(/^(error: .*\n)?$/);
  return JSON.parse(stdout);
}

const of = (all: Verdict[], check: string) => all.find((one) => one.check.includes(check));

for (const kind of KINDS) {
  test.skipIf(!installed(kind) && !process.env.CI)(
    `${kind}: all is well, then it does not know the secret`,
    async () => {
      const port = await freePort();
      const key = JSON.parse(await service.cli('key', 'add', `${kind}-key`, '--json')) as { secret: string };
      await service.cli('secondary', 'add', kind, '--address', `127.0.0.1:${port}`, '--key', `${kind}-key`);
      const config = await service.cli('secondary', 'config', kind, '--for', kind);
      let secondary: Secondary | undefined;
      try {
        secondary = await startSecondary(kind, { primary: service.dns, zones: [ZONE], config, port });
        await until(
          'every check is ok',
          async () => (await verdicts(kind)).every(({ verdict }) => verdict === 'ok'),
          { deadlineMs: 60_000, everyMs: 1_000, explain: () => `${service.log()}\n${secondary?.log()}` },
        );
        const well = await verdicts(kind);
        expect(of(well, 'UDP')?.says).toMatch(/^answers, check\.test\. at serial \d+$/);
        expect(of(well, 'TCP')?.verdict).toBe('ok');
        expect(of(well, 'NOTIFY')?.says).toContain('key and clock are right');
        expect(of(well, 'serving')?.says).toContain('content compared');

        const other = Buffer.alloc(32, 7).toString('base64');
        await service.run('secondary', 'set', kind, '--key', '');
        await service.cli('key', 'delete', `${kind}-key`);
        await service.cli('key', 'add', `${kind}-key`, '--secret', other);
        await service.cli('secondary', 'set', kind, '--key', `${kind}-key`);
        const wrong = of(await verdicts(kind), 'NOTIFY');
        expect(wrong).toMatchObject({ verdict: 'failed' });
        expect(wrong?.says).toMatch(
          /secret of the key|does not know the key|answered (NOTAUTH|REFUSED)|signature/,
        );
        expect(wrong?.says).not.toContain(key.secret);
      } finally {
        await secondary?.stop();
        await service.run('secondary', 'delete', kind);
      }
    },
    120_000,
  );
}

test('one that is not there fails by UDP, TCP and NOTIFY, with what to look at', async () => {
  await service.cli('secondary', 'add', 'nobody', '--address', `127.0.0.1:${await freePort()}`);
  const { status, stdout, stderr } = await service.run('secondary', 'check', 'nobody');
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(/^error: \d checks of \d failed\n$/),
  });
  expect(stdout).toMatch(/^FAILED {3}127\.0\.0\.1:\d+ UDP: .*Is it running/m);
  expect(stdout).toMatch(/^FAILED {3}NOTIFY to 127\.0\.0\.1:\d+: /m);
  expect((await service.run('secondary', 'check', 'ns9')).stderr).toBe(
    'error: no secondary ns9: zoneferry secondary list shows those there are\n',
  );
});
