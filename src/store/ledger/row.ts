/** What is known of one serial, and is forgotten when a newer one takes its place. */
const STAGES = [
  'notified_at',
  'acked_at',
  'rcode',
  'notify_error',
  'asked_at',
  'served_at',
  'served_kind',
  'served_bytes',
  'served_ms',
  'serving_at',
  'checked_at',
  'seen_at',
  'seen_rcode',
  'seen_error',
  'differs',
  'misses',
  'next_check_at',
] as const;

type Stage = (typeof STAGES)[number];

/**
 * The end of `insert into convergence as c …`: a newer serial takes the row over, the same one adds what `same` says for each column (`c` is
 * the row as it is, `excluded` the new one) and leaves the others; an older one changes nothing.
 */
export function onConflict(same: Partial<Record<Stage, string>>, always: readonly string[] = []): string {
  const stages = STAGES.map(
    (stage) =>
      `${stage} = case when c.serial = excluded.serial then ${same[stage] ?? `c.${stage}`} else excluded.${stage} end`,
  );
  return `on conflict (zone_id, secondary_id) do update set
    committed_at = case when c.serial = excluded.serial then c.committed_at else excluded.committed_at end,
    ${[...stages, ...always].join(',\n    ')}, serial = excluded.serial
  where c.serial = excluded.serial or zoneferry_newer(excluded.serial, c.serial)`;
}

/** How what it took is added to a row of the same serial. */
export const TAKEN = {
  asked_at: 'coalesce(c.asked_at, excluded.asked_at)',
  served_at: 'coalesce(excluded.served_at, c.served_at)',
  served_kind: 'coalesce(excluded.served_kind, c.served_kind)',
  served_bytes: 'coalesce(excluded.served_bytes, c.served_bytes)',
  served_ms: 'coalesce(excluded.served_ms, c.served_ms)',
};

/** Takes down that NOTIFYs were answered or not, from rows `told` of the outbox; the verifier looks at them after a while if not before. */
export const ENTER_TOLD = `
  insert into convergence as c (zone_id, secondary_id, serial, committed_at, notified_at, acked_at, rcode, notify_error, next_check_at)
  select t.zone_id, t.secondary_id, t.serial, min(t.committed_at), min(t.sent_at),
    case when bool_or(t.rcode is not null) then clock_timestamp() end, max(t.rcode), max(t.error),
    clock_timestamp() + case when bool_and(t.rcode = 0) then interval '5 seconds' else interval '30 seconds' end
  from told t join zones z on z.id = t.zone_id join secondaries s on s.id = t.secondary_id and zoneferry_is_verified(s, z)
  where t.serial = t.told_serial and (t.rcode is not null or t.error is not null)
  group by t.zone_id, t.secondary_id, t.serial order by t.zone_id, t.secondary_id
  ${onConflict({
    notified_at: 'coalesce(c.notified_at, excluded.notified_at)',
    acked_at: 'coalesce(excluded.acked_at, c.acked_at)',
    rcode: 'excluded.rcode',
    notify_error: 'excluded.notify_error',
    next_check_at:
      'case when c.serving_at is null then coalesce(c.next_check_at, excluded.next_check_at) else c.next_check_at end',
  })}`;

/** As the driver takes it. */
export function dateOf(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}

/** For whole columns. */
export function roundOf(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms);
}
