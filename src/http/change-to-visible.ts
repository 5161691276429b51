import { BOUNDS, type VisibleTotal } from '../store/ledger/visible.ts';

const NAME = 'zoneferry_change_to_visible_seconds';

/** The histogram of change to visible as Prometheus reads it: its counts stand in the database, and are the same from every process. */
export function changeToVisible(totals: readonly VisibleTotal[]): string {
  const lines = [
    `# HELP ${NAME} Time from the commit of a change until a secondary was seen to serve it.`,
    `# TYPE ${NAME} histogram`,
  ];
  for (const { secondary, counts, count, sumMs } of totals) {
    // names of secondaries hold nothing that would have to be escaped
    const label = `secondary="${secondary}"`;
    let below = 0;
    for (const [index, bound] of BOUNDS.entries()) {
      below += counts[index] ?? 0;
      lines.push(`${NAME}_bucket{${label},le="${bound / 1000}"} ${below}`);
    }
    lines.push(`${NAME}_bucket{${label},le="+Inf"} ${count}`);
    lines.push(`${NAME}_sum{${label}} ${sumMs / 1000}`, `${NAME}_count{${label}} ${count}`);
  }
  return `${lines.join('\n')}\n`;
}
