import type { TargetState } from '../zone/alias/state.ts';
import type { Pool } from './pool.ts';

/** How many answers of rotating targets differed from the ones before, and how many of them cost a zone no serial. */
export interface Damping {
  answers: number;
  saved: number;
}

/** Of all targets together by which a serial was saved: the plain moves of others are no rotation. */
export async function readDamping(pool: Pool): Promise<Damping> {
  const { rows } = await pool.query<{ answers: string; serials: string }>(
    `select coalesce(sum((state #>> '{damped,answers}')::bigint), 0) as answers, coalesce(sum((state #>> '{damped,serials}')::bigint), 0) as serials
     from alias_targets
     where state ? 'damped' and (state #>> '{damped,answers}')::bigint > (state #>> '{damped,serials}')::bigint`,
  );
  const answers = Number(rows[0]?.answers ?? 0);
  return { answers, saved: answers - Number(rows[0]?.serials ?? 0) };
}

/** Of one target; null where its answers don't rotate. */
export function dampingOf({ a, aaaa, damped }: Partial<TargetState>): Damping | null {
  const rotates = a?.rotation?.recognised || aaaa?.rotation?.recognised;
  return rotates && damped ? { answers: damped.answers, saved: damped.answers - damped.serials } : null;
}
