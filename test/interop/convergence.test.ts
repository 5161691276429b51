import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import {
  freePort,
  installed,
  SECONDARY_KINDS,
  type Secondary,
  startSecondary,
} from '../support/secondaries/index.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';

interface Standing {
  zone: string;
  serial: number;
  shown: number | null;
  state: string;
  checkedAt: string | null;
  served: { kind: string; bytes: number } | null;
  words: string;
}

/** Real servers are seen to serve each change, with what changed compared, whatever the way they took it. */
describe('a real secondary converges', { concurrent: true, timeout: 180_000 }, () => {
  let database: FreshDatabase;
  let service: Service;
  const secondaries: Secondary[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    service = await startService({ databaseUrl: database.url });
  });

  afterAll(async () => {
    for (const secondary of secondaries) await secondary.stop();
    await service?.stop();
    await database?.drop();
  });

  for (const kind of SECONDARY_KINDS)
    test.skipIf(!installed(kind))(
      `${kind}: a first version, changes, one taken away, a stop and a start`,
      async ({ expect }) => {
        const zone = `${kind}.test.`;
        const file = join(service.folder, `${kind}.zone`);
        await writeFile(
          file,
          `$ORIGIN ${zone}\n@ 300 SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 NS ns1\nns1 300 A 192.0.2.1\nwww 300 A 192.0.2.2\n*.wild 300 TXT "any"\n@ 300 MX 10 Mail.Example.NET.\n`,
        );
        await service.cli('zone', 'import', file);
        const port = await freePort();
        await service.cli('secondary', 'add', kind, '--address', `127.0.0.1:${port}`, '--zones', zone);
        const config = await service.cli('secondary', 'config', kind, '--for', kind);
        const secondary = await startSecondary(kind, { primary: service.dns, zones: [zone], port, config });
        secondaries.push(secondary);
        const first = await converged(1);
        expect(first.served?.kind).toMatch(/AXFR|IXFR/);

        await service.cli('record', 'set', zone, 'www', 'A', '--content', '192.0.2.3');
        expect((await converged(2)).served?.bytes).toBeGreaterThan(50);
        await service.cli('record', 'add', zone, 'new', 'TXT', '"a \\"text\\""');
        await converged(3);
        await service.cli('record', 'delete', zone, 'www', 'A');
        await service.cli('record', 'delete', zone, 'new', 'TXT');
        await converged(5);

        await secondary.halt();
        await service.cli('record', 'add', zone, 'later', 'AAAA', '2001:db8::1');
        await until('it is not seen', async () => (await standing()).serial === 6, { everyMs: 200 });
        expect((await standing()).state).not.toBe('converged');
        await secondary.start();
        await converged(6);

        async function standing(): Promise<Standing & { state: string }> {
          const shown = JSON.parse(await service.cli('secondary', 'show', kind, '--json'));
          return shown.zoneStates[0];
        }

        async function converged(serial: number): Promise<Standing> {
          let last: Standing | undefined;
          return until(
            `${kind} is seen to serve ${serial}`,
            async () => {
              last = await standing();
              return last.serial === serial && last.state === 'converged' && last.checkedAt !== null && last;
            },
            {
              deadlineMs: 90_000,
              everyMs: 250,
              explain: () => `${JSON.stringify(last)}\n${secondary.log().slice(-1_500)}`,
            },
          );
        }
      },
    );
});
