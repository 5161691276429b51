import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import { zoneIdsOf } from '../store/resync.ts';
import type { ResyncResult } from '../sync/queues.ts';
import { usual, zoneNames } from './arguments.ts';
import { withDatabase } from './database.ts';
import { counted, print, printJson, warn } from './output.ts';

interface Options {
  wait?: boolean;
  dryRun?: boolean;
  force?: boolean;
  json?: boolean;
}

export function define(program: Command): void {
  const command = program
    .command('resync')
    .description('look at every ALIAS target now, due or not, and publish what changed')
    .argument('[zone...]', 'zones; none: all', zoneNames)
    .option('--wait', 'return when the new rows and serials are there and each NOTIFY had a first send')
    .option('--dry-run', 'look, and print what would change; nothing is written')
    .option('--force', 'take "no such name" at its word at once, for the zones named')
    .action(run);
  usual(command, 'zoneferry resync example.com --wait', 'zoneferry resync --dry-run');
}

async function run(zones: string[], options: Options): Promise<void> {
  if (options.wait && options.dryRun) throw new UserError('--wait and --dry-run exclude one another', 2);
  await withDatabase(async (session) => {
    const { ids, unknown } = await zoneIdsOf(session.pool, zones);
    if (unknown.length > 0)
      throw new UserError(`no zone ${unknown.join(', ')}: zoneferry zone list shows those there are`);
    if (options.dryRun) {
      const { dryRun } = await import('./resync/dry-run.ts');
      await dryRun(session, zones.length > 0 ? ids : undefined, options);
      return;
    }
    const { addAndFollow } = await import('./resync/job.ts');
    const done = await addAndFollow(
      session,
      {
        ...(zones.length > 0 ? { zones } : {}),
        ...(options.force ? { force: true } : {}),
        reason: 'command line',
      },
      options.wait ?? false,
    );
    report(done, options.json ?? false);
  });
}

function report(done: { id: string; result?: ResyncResult }, json: boolean): void {
  const { id, result } = done;
  if (!result) {
    if (json) printJson({ job: id });
    else print(`job ${id} has begun: zoneferry job ${id} shows how far it is`);
    return;
  }
  const { targets, resolved, failed, held, changedRecords, changedZones, notified, ms } = result;
  if (json) {
    printJson({ targets, resolved, failed, held, changedRecords, changedZones, notified, ms });
    return;
  }
  print(
    `${counted(targets, 'target')}: ${resolved} resolved, ${failed} failed, ${held} held; ${counted(changedRecords, 'record')} in ${counted(changedZones, 'zone')} changed, ${notified} notified, ${ms} ms`,
  );
  if (failed > 0)
    warn(
      `${counted(failed, 'target has', 'targets have')} no addresses: zoneferry status names ${failed === 1 ? 'it' : 'them'}`,
    );
}
