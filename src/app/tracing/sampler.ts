import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../../config/tracing.ts';

export type { Sampler } from '@opentelemetry/sdk-trace';

/** What BullMQ does all the time, whether there is a job or not: of no interest but within something that is. */
const HOUSEKEEPING =
  /^(getNextJob|startStalledCheckTimer|moveStalledJobsToWait|extendLocks?|rateLimit|pause|resume|close|trimEvents|clean|drain|remove|removeDeduplicationKey) /;

/** Which traces are kept. */
export function samplerOf(config: TracingConfig): Sampler {
  const sampler = standardSampler(config);
  return {
    shouldSample(context, traceId, name, ...rest) {
      if (HOUSEKEEPING.test(name) && trace.getSpanContext(context) === undefined)
        return { decision: SamplingDecision.NOT_RECORD };
      return sampler.shouldSample(context, traceId, name, ...rest);
    },
    toString: () => sampler.toString(),
  };
}

function standardSampler({ sampler, ratio }: TracingConfig): Sampler {
  const [, isByParent, rule] = /^(parentbased_)?(.*)$/.exec(sampler) ?? [];
  const root =
    rule === 'always_off'
      ? new AlwaysOffSampler()
      : rule === 'traceidratio'
        ? new TraceIdRatioBasedSampler(ratio)
        : new AlwaysOnSampler();
  return isByParent ? new ParentBasedSampler({ root }) : root;
}

/** Whether a trace is kept that begins with this id: every process finds the same. */
export function isKept(sampler: Sampler, traceId: string, name: string): boolean {
  const { decision } = sampler.shouldSample(ROOT_CONTEXT, traceId, name, SpanKind.INTERNAL, {}, []);
  return decision === SamplingDecision.RECORD_AND_SAMPLED;
}
