import { systemClock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import { hideCredentials } from '../../log.ts';
import type { Pool } from '../../store/pool.ts';
import { readServerState } from '../../store/server-state.ts';
import { missingSteps } from '../../store/steps.ts';
import { failed, ok, type Verdict, warning } from './verdict.ts';

/** Seconds between the clocks from which on it is worth a word; TSIG takes 300 (RFC 8945, 10). */
const CLOCKS_APART = 2;
const CLOCKS_TOO_FAR = 60;

/** PostgreSQL: whether it answers, is new enough, migrated, has connections left, and has the same time as we. */
export async function checkDatabase(pool: Pool, url: string, isEmbedded: boolean): Promise<Verdict[]> {
  const name = isEmbedded ? 'the private one in .zoneferry/' : hideCredentials(url);
  const asked = performance.now();
  let state: Awaited<ReturnType<typeof readServerState>>;
  try {
    state = await readServerState(pool, () => systemClock.now());
  } catch (error) {
    return [failed('database', `${name} does not answer: ${messageOf(error)}. Check DATABASE_URL`)];
  }
  const tookMs = performance.now() - asked;
  const verdicts: Verdict[] = [];
  if (state.version < 15)
    verdicts.push(failed('database', `${name} is PostgreSQL ${state.version}: 15 or later is needed`));
  else if (state.isStandby)
    verdicts.push(failed('database', `${name} is a read replica: DATABASE_URL takes the primary`));
  else
    verdicts.push(
      ok('database', `PostgreSQL ${state.version}, ${name}, answers in ${Math.round(tookMs)} ms`),
    );
  verdicts.push(await checkSchema(pool));
  const left = state.maxConnections - state.connections;
  if (left < 30)
    verdicts.push(
      warning(
        'connections',
        `${state.connections} of ${state.maxConnections} are in use; a process of ours takes up to 30: raise max_connections`,
      ),
    );
  else verdicts.push(ok('connections', `${state.connections} of ${state.maxConnections} in use`));
  if (state.fsync === 'off' || state.fullPageWrites === 'off')
    verdicts.push(
      warning(
        'durability',
        'fsync or full_page_writes is off: a crash of the machine may take committed zones with it',
      ),
    );
  verdicts.push(clocks(state.apartSeconds));
  return verdicts;
}

async function checkSchema(pool: Pool): Promise<Verdict> {
  const { missing, unknown } = await missingSteps(pool);
  if (unknown.length > 0)
    return failed('schema', `made by a newer version (${unknown.join(', ')}): run that one`);
  if (missing.length > 0)
    return warning(
      'schema',
      `${missing.length} steps are missing: zoneferry migrate, or any start of serve, adds them`,
    );
  return ok('schema', 'up to date');
}

function clocks(apart: number): Verdict {
  const words = `this machine's clock and PostgreSQL's are ${Math.abs(apart).toFixed(1)} s apart`;
  if (Math.abs(apart) >= CLOCKS_TOO_FAR)
    return failed('clock', `${words}: signatures fail from 300 s on. Set the clocks by NTP`);
  if (Math.abs(apart) >= CLOCKS_APART) return warning('clock', `${words}: set the clocks by NTP`);
  return ok('clock', `the same as PostgreSQL's, within ${CLOCKS_APART} s`);
}
