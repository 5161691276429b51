import type { Damping } from '../../store/damping.ts';
import type { GuardStatus } from '../../store/guards/status.ts';
import type { ServiceProcess } from '../../store/processes.ts';
import type { AliasStatus } from '../../store/status/aliases.ts';
import type { QueueStatus } from './kinds.ts';

export function queueInWords({ kind, counts, error }: QueueStatus): string {
  const place = kind === 'redis' ? 'Redis' : 'PostgreSQL';
  if (error !== undefined) return `queue on ${place}: ${error}`;
  const words = Object.entries(counts ?? {}).map(([state, count]) => `${count} ${state}`);
  return `queue on ${place}: ${words.join(', ')}`;
}

export function dampingInWords({ answers, saved }: Damping): string {
  return `serials saved: ${saved.toLocaleString('en-US')} of ${answers.toLocaleString('en-US')}`;
}

export function guardInWords({ message, since, zones }: GuardStatus): string {
  return `${message} (since ${since.toISOString()}; ${zones.join(', ')}${zones.length === 5 ? ' …' : ''})`;
}

export function processesInWords(processes: readonly ServiceProcess[]): string {
  if (processes.length === 0) return 'no process of the service is alive: zoneferry serve starts one';
  return processes
    .map(
      (one) =>
        `process ${one.id} (${one.roles.join(', ') || 'starting or stopping'}), ${one.version === null ? 'of an early version' : `version ${one.version}`}, up ${ago(one.startedAt)?.replace(' ago', '')}${behindInWords(one)}`,
    )
    .join('\n');
}

function behindInWords({ unknownSteps }: ServiceProcess): string {
  return unknownSteps.length === 0
    ? ''
    : `; the database was migrated by a newer version (${unknownSteps.join(', ')}): run that one here, too`;
}

export function outcomeInWords(alias: AliasStatus): string {
  const { a, aaaa, detail } = alias.outcome;
  const held =
    alias.heldReason === null
      ? ''
      : `held since ${alias.heldSince?.toISOString() ?? '?'}: ${alias.heldReason}`;
  const outcome = a === aaaa ? a : `A ${a}, AAAA ${aaaa}`;
  const from =
    alias.answeredBy === 'records' ? 'from own records' : alias.path && `over ${alias.path.join(' -> ')}`;
  const rotates = alias.damping && `its answers rotate, ${dampingInWords(alias.damping)}`;
  return [outcome, from, detail, rotates, held].filter((part) => part).join('; ');
}

export function ago(moment: Date | null): string | null {
  if (!moment) return null;
  const seconds = Math.max(0, Math.round((Date.now() - moment.getTime()) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h ago` : `${Math.round(seconds / 86_400)} d ago`;
}
