import { execFile } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { freePort, installed, type Secondary, startSecondary } from '../support/secondaries/index.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';

interface Standing {
  serial: number;
  shown: number | null;
  state: string;
  differs: string | null;
}

const run = promisify(execFile);

/** A server with our serial and other data, as after a restore from the wrong file: its serial alone would pass for good. */
describe('a real secondary that serves something else', { concurrent: true, timeout: 120_000 }, () => {
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

  for (const kind of ['bind', 'nsd'] as const) {
    // where CI tries again, all has names of its own
    let attempt = 0;
    test.skipIf(!installed(kind))(
      `${kind}: the RRset is named, and it converges when it is right again`,
      async ({ expect }) => {
        const name = `${kind}${++attempt}`;
        const zone = `${name}.test.`;
        const file = join(service.folder, `${name}.zone`);
        await writeFile(file, zoneFile(zone, 1, '192.0.2.1'));
        await service.cli('zone', 'import', file);
        const port = await freePort();
        await service.cli('secondary', 'add', name, '--address', `127.0.0.1:${port}`, '--zones', zone);
        const config = await service.cli('secondary', 'config', name, '--for', kind);
        const secondary = await startSecondary(kind, { primary: service.dns, zones: [zone], port, config });
        secondaries.push(secondary);
        await stands('converged', 1);

        await secondary.halt();
        await service.cli('record', 'set', zone, 'www', 'A', '--content', '192.0.2.2');
        await until('serial 2', async () => (await standing()).serial === 2, { everyMs: 200 });
        await giveFile(secondary, zone, zoneFile(zone, 2, '192.0.2.99'));
        await secondary.start();
        const other = await stands('different', 2);
        expect(other).toMatchObject({ shown: 2, differs: `www.${zone} A` });
        expect(await service.cli('secondary', 'show', name)).toContain(`www.${zone} A`);
        const { status, stdout, stderr } = await service.run(
          'resync',
          zone,
          '--wait',
          '--converged',
          '--within',
          '1',
        );
        expect({ status, said: `${stdout}${stderr}` }).toMatchObject({
          status: 1,
          said: expect.stringContaining(`www.${zone} A`),
        });

        // any newer version mends it
        await service.cli('record', 'set', zone, 'www', 'A', '--content', '192.0.2.3');
        await stands('converged', 3);

        async function standing(): Promise<Standing> {
          const shown = JSON.parse(await service.cli('secondary', 'show', name, '--json'));
          return shown.zoneStates[0];
        }

        async function stands(state: string, serial: number): Promise<Standing> {
          let last: Standing | undefined;
          return until(
            `${name} is ${state} at ${serial}`,
            async () => {
              last = await standing();
              return last.serial === serial && last.state === state && last;
            },
            {
              deadlineMs: 60_000,
              everyMs: 250,
              explain: () => `${JSON.stringify(last)}\n${secondary.log().slice(-1_500)}`,
            },
          );
        }
      },
    );
  }
});

function zoneFile(zone: string, serial: number, address: string): string {
  return `$ORIGIN ${zone}\n@ 300 SOA ns1 hostmaster ${serial} 3600 600 604800 60\n@ 300 NS ns1\nns1 300 A 192.0.2.53\nwww 300 A ${address}\n`;
}

/** Puts this in place of the file in which a halted secondary keeps its copy of the zone. */
async function giveFile({ kind, folder }: Secondary, zone: string, text: string): Promise<void> {
  const bare = zone.slice(0, -1);
  if (kind === 'nsd') {
    // it may not have written any yet
    const config = await readFile(join(folder, 'nsd.conf'), 'utf8');
    const [, place] = new RegExp(`zonefile:\\s*"([^"]*${bare}[^"]*)"`).exec(config) ?? [];
    if (place === undefined) throw new Error(`no zonefile for ${zone} in\n${config}`);
    await writeFile(resolve(folder, place), text);
    return;
  }
  const names = await readdir(folder, { recursive: true });
  const kept = names.find((name) => name.includes(bare) && name.endsWith('.db'));
  if (kept === undefined) throw new Error(`no file of ${zone} among ${names.join(', ')}`);
  for (const name of names)
    if (name.startsWith(kept) && name !== kept) await rm(join(folder, name), { force: true });
  const place = join(folder, kept);
  // BIND keeps what it transferred in a form of its own
  await writeFile(`${place}.text`, text);
  await run('named-compilezone', ['-q', '-F', 'raw', '-o', place, zone, `${place}.text`]);
}
