import type { TracingConfig } from '../config/tracing.ts';
import type { Log } from '../log.ts';
import type { OpenTracing } from './tracing/open-telemetry.ts';

/** What makes traces, where they are wanted; it is loaded only then. */
export async function openTracing(
  config: TracingConfig | undefined,
  log: Log,
): Promise<OpenTracing | undefined> {
  if (config === undefined) return undefined;
  const { startTracing } = await import('./tracing/open-telemetry.ts');
  return startTracing(config, log);
}
