import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../../errors.ts';
import type { Client } from '../pool.ts';
import { GONE_AFTER_MS, listProcesses, type ServiceProcess } from '../processes.ts';
import type { Step } from '../steps.ts';

const LOOK_EVERY_MS = 500;

/**
 * Refuses steps that stand alone while processes are at work: whoever is, started before those steps, as it would have made them else.
 * One that was killed may seem alive for a while: each is given the time to show a heartbeat, or to be gone.
 *
 * @throws UserError that names the step, its reason and the processes
 */
export async function refuseBesideOthers(client: Client, missing: readonly Step[]): Promise<void> {
  const alone = missing.find((step) => step.standsAlone !== null);
  if (alone === undefined) return;
  const first = await aliveProcesses(client);
  for (let waited = 0, alive = first; alive.length > 0; waited += LOOK_EVERY_MS) {
    const beaten = alive.some(({ id, seenAt }) => {
      const before = first.find((one) => one.id === id);
      return before === undefined || seenAt > before.seenAt;
    });
    if (beaten || waited > 2 * GONE_AFTER_MS)
      throw new UserError(
        `step ${alone.name} stands alone (${alone.standsAlone}), and processes that don't know it are at work: ${alive.map(inWords).join('; ')}. Stop them, then start again; nothing was changed`,
      );
    await pause(LOOK_EVERY_MS);
    alive = await aliveProcesses(client);
  }
}

async function aliveProcesses(client: Client): Promise<ServiceProcess[]> {
  const { rows } = await client.query<{ there: boolean }>(
    "select to_regclass('service_processes') is not null as there",
  );
  if (!rows[0]?.there) return [];
  return (await listProcesses(client)).filter((process) => process.alive);
}

function inWords({ id, roles, version }: ServiceProcess): string {
  const [host, pid] = id.split('/');
  return `host ${host}, pid ${pid} (${roles.join(', ') || 'starting or stopping'}; ${version === null ? 'an early version' : `version ${version}`})`;
}
