import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import { listProcesses } from '../store/processes.ts';
import { zoneIdsOf } from '../store/resync.ts';
import { notifyAgain } from '../store/status/notifications.ts';
import { usual, zoneNames } from './arguments.ts';
import { withDatabase } from './database.ts';
import { counted, print, printJson, warn } from './output.ts';

export function define(program: Command): void {
  const command = program
    .command('notify')
    .description('send NOTIFY again, without a change, whether it was answered or not')
    .argument('[zone...]', 'zones; none: all', zoneNames)
    .action(run);
  usual(command, 'zoneferry notify', 'zoneferry notify example.com');
}

async function run(zones: string[], options: { json?: boolean }): Promise<void> {
  const { again, alive } = await withDatabase(async ({ pool }) => {
    const { ids, unknown } = await zoneIdsOf(pool, zones);
    if (unknown.length > 0)
      throw new UserError(`no zone ${unknown.join(', ')}: zoneferry zone list shows those there are`);
    const processes = await listProcesses(pool);
    return {
      again: await notifyAgain(pool, zones.length > 0 ? ids : undefined),
      alive: processes.some((one) => one.alive && one.roles.includes('transfer')),
    };
  });
  if (!alive)
    warn('no process with the role transfer is alive: NOTIFY goes out when one starts (zoneferry serve)');
  if (options.json) printJson({ ...again, transferAlive: alive });
  else if (again.notifications === 0)
    print('nothing to send: no published zone has a secondary that is notified');
  else print(`${again.notifications} NOTIFY of ${counted(again.zones.length, 'zone')} to send again`);
}
