import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import { zoneIdsOf } from '../store/resync.ts';
import type { ResyncResult } from '../sync/queues.ts';
import { usual, wholeNumber, zoneNames } from './arguments.ts';
import { withDatabase } from './database.ts';
import { counted, print, printJson, warn } from './output.ts';

interface Options {
  wait?: boolean;
  converged?: boolean;
  within?: number;
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
    .option(
      '--converged',
      'wait until every secondary that has to serves them, too, or say which do not, and why',
    )
    .option('--within <seconds>', 'how long --converged waits (default: 60)', wholeNumber(1, 86_400))
    .option(
      '--dry-run',
      'look, and print what would change, why, and what that sets in motion; nothing is written',
    )
    .option(
      '--force',
      'pass guards, damping and NEGATIVE_HOLD for the zones named; without zones, damping alone',
    )
    .action(run);
  usual(command, 'zoneferry resync example.com --wait --converged', 'zoneferry resync --dry-run');
}

async function run(zones: string[], options: Options): Promise<void> {
  if (options.wait && options.dryRun) throw new UserError('--wait and --dry-run exclude one another', 2);
  if (options.converged && !options.wait) throw new UserError('--converged goes with --wait', 2);
  if (options.within !== undefined && !options.converged)
    throw new UserError('--within goes with --converged', 2);
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
    if (!options.converged) {
      report(done, options.json ?? false);
      return;
    }
    const { waitConverged, reasons } = await import('./resync/converged.ts');
    const seconds = options.within ?? 60;
    const missing = await waitConverged(session, zones.length > 0 ? ids : undefined, seconds);
    report(done, options.json ?? false, { converged: missing.total === 0, notConverged: missing.rows });
    if (missing.total === 0) return;
    for (const line of reasons(missing)) warn(line);
    throw new UserError(
      `${counted(missing.total, 'zone is', 'zones are')} not served by a secondary ${seconds} s after`,
    );
  });
}

function report(
  done: { id: string; result?: ResyncResult },
  json: boolean,
  convergence?: { converged: boolean; notConverged: readonly object[] },
): void {
  const { id, result } = done;
  if (!result) {
    if (json) printJson({ job: id });
    else print(`job ${id} has begun: zoneferry job ${id} shows how far it is`);
    return;
  }
  const { targets, resolved, failed, held, changedRecords, changedZones, notified, ms } = result;
  if (json) {
    printJson({
      targets,
      resolved,
      failed,
      held,
      changedRecords,
      changedZones,
      notified,
      ms,
      ...convergence,
    });
    return;
  }
  print(
    `${counted(targets, 'target')}: ${resolved} resolved, ${failed} failed, ${held} held; ${counted(changedRecords, 'record')} in ${counted(changedZones, 'zone')} changed, ${notified} notified, ${ms} ms`,
  );
  if (convergence?.converged) print('every secondary serves what is published');
  if (failed > 0)
    warn(
      `${counted(failed, 'target has', 'targets have')} no addresses: zoneferry status names ${failed === 1 ? 'it' : 'them'}`,
    );
}
