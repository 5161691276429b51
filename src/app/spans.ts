import type { Awaited } from '../store/ledger/kinds.ts';
import { type Tracing, underPublication } from '../trace.ts';
import type { ServedEvent } from '../transfer/events.ts';

/** The span of a transfer that was served; questions for the SOA alone have none. */
export function traceServed(tracing: Tracing, event: ServedEvent): void {
  const { given, zone, serial, startedAt, ms } = event;
  if (given === 'SOA' || given === 'up-to-date' || given === 'retry over TCP') return;
  const { change } = event.version;
  if (change === undefined) return;
  const { secondary, asked, fromSerial, transport, messages, records, bytes, failure } = event;
  tracing.record({
    name: 'transfer',
    kind: 'server',
    startedAt,
    endedAt: startedAt + ms,
    change: underPublication(change, zone, serial),
    values: { zone, serial, fromSerial, secondary, asked, given, transport, messages, records, bytes },
    failure,
  });
}

/** The span from a change's commit until a secondary was seen to serve it. */
export function traceVisible(tracing: Tracing, awaited: Awaited, ms: number): void {
  const { change, zone, serial, secondary, committedAt } = awaited;
  if (change === undefined) return;
  tracing.record({
    name: 'change to visible',
    startedAt: committedAt.getTime(),
    endedAt: committedAt.getTime() + ms,
    change: underPublication(change, zone, serial),
    values: { zone, serial, secondary },
  });
}
