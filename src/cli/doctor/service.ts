import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from '../../store/pool.ts';
import { listProcesses, type QueuePlace, type ServiceProcess } from '../../store/processes.ts';
import { hasMarks, newestMark } from '../../store/resync.ts';
import { failed, ok, type Verdict, warning } from './verdict.ts';

const ROLES = {
  transfer: 'nobody answers secondaries, and no NOTIFY goes out',
  worker: 'nothing is looked at or published',
  scheduler: 'nothing is looked at by schedule',
} as const;
const PUBLISHED_WITHIN = 3_000; // ms

/** The processes at work: whether each role is there, and all are on one queue. */
export async function checkService(
  pool: Pool,
  place: QueuePlace,
): Promise<{ verdicts: Verdict[]; here: readonly string[] }> {
  const alive = (await listProcesses(pool)).filter((process) => process.alive);
  if (alive.length === 0)
    return { verdicts: [warning('service', 'no process is at work: zoneferry serve starts one')], here: [] };
  const verdicts: Verdict[] = [];
  for (const [role, without] of Object.entries(ROLES)) {
    const count = alive.filter((process) => process.roles.includes(role)).length;
    verdicts.push(
      count > 0
        ? ok(`role ${role}`, `${count} at work`)
        : failed(`role ${role}`, `none at work: ${without}. Start one: zoneferry serve --roles ${role}`),
    );
  }
  const elsewhere = alive.filter((process) => !isSame(process.queue, place));
  if (elsewhere.length > 0)
    verdicts.push(
      failed(
        'queue',
        `${elsewhere.map((process) => process.id).join(', ')}: on another queue than REDIS_URL says here. Give all the same REDIS_URL`,
      ),
    );
  if (alive.some((process) => process.roles.includes('worker'))) verdicts.push(await checkPublishing(pool));
  return { verdicts, here: rolesHere(alive) };
}

/** What is marked now has to be published soon; a client that holds a zone may keep it. */
async function checkPublishing(pool: Pool): Promise<Verdict> {
  const mark = await newestMark(pool);
  for (let waited = 0; waited < PUBLISHED_WITHIN; waited += 100) {
    if (!(await hasMarks(pool, undefined, mark))) return ok('publishing', 'no edit waits');
    await pause(100);
  }
  return warning(
    'publishing',
    'edits wait: a large one may be under way, a client may hold a zone (pg_stat_activity), or the log of a worker says why',
  );
}

function rolesHere(processes: readonly ServiceProcess[]): string[] {
  return processes.filter(({ id }) => id.startsWith(`${hostname()}/`)).flatMap(({ roles }) => roles);
}

function isSame(one: QueuePlace, other: QueuePlace): boolean {
  return one.kind === other.kind && one.hash === other.hash;
}
