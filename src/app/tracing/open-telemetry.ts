import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import {
  context,
  type Span as OtelSpan,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Telemetry } from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';
import type { TracingConfig } from '../../config/tracing.ts';
import { messageOf } from '../../errors.ts';
import { hideCredentials, type Log } from '../../log.ts';
import {
  changeId,
  type OpenSpan,
  type PastSpan,
  type Span,
  type SpanValues,
  type Tracing,
} from '../../trace.ts';
import { GivenIds } from './given-ids.ts';
import { isKept, type Sampler, samplerOf } from './sampler.ts';

/** Traces of this process. */
export interface OpenTracing {
  tracing: Tracing;
  /** BullMQ's own hook. */
  telemetry: Telemetry;
  /** Sends what waits, for two seconds at most. */
  stop(): Promise<void>;
}

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

/** Milliseconds that a collector has for what waits when the service stops, and for one delivery. */
const LAST_WORDS_MS = 2_000;
const DELIVERY_MS = 5_000;
const SAY_AGAIN_MS = 60_000;
const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT };

/** Makes this process's traces and sends them by OTLP, as the standard variables say. */
export function startTracing(config: TracingConfig, log: Log): OpenTracing {
  const ids = new GivenIds();
  const sampler = samplerOf(config);
  const exporter = new OTLPTraceExporter({
    url: config.url,
    headers: { ...config.headers },
    timeoutMillis: DELIVERY_MS,
  });
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector] }))
      .merge(
        resourceFromAttributes({
          'service.name': config.serviceName,
          'service.version': version,
          'process.pid': process.pid,
        }),
      ),
    sampler,
    idGenerator: ids,
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: config.everyMs,
        maxQueueSize: config.mostWaiting,
        maxExportBatchSize: Math.min(512, config.mostWaiting),
        exportTimeoutMillis: DELIVERY_MS,
      }),
    ],
  });
  const contexts = new AsyncLocalStorageContextManager();
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(contexts.enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  setGlobalErrorHandler(told(log));
  log.info({ collector: hideCredentials(config.url), service: config.serviceName }, 'traces are sent');
  return {
    tracing: new OtelTracing(provider.getTracer('zoneferry', version), ids, sampler),
    telemetry: new BullMQOtel({ tracerName: 'bullmq' }),
    async stop() {
      await Promise.race([
        provider.shutdown().catch(() => {}),
        pause(LAST_WORDS_MS, undefined, { ref: false }),
      ]);
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}

class OtelTracing implements Tracing {
  readonly #tracer: Tracer;
  readonly #ids: GivenIds;
  readonly #sampler: Sampler;

  constructor(tracer: Tracer, ids: GivenIds, sampler: Sampler) {
    this.#tracer = tracer;
    this.#ids = ids;
    this.#sampler = sampler;
  }

  span<T>(name: string, values: SpanValues, work: (span: Span) => Promise<T>): Promise<T> {
    return this.#tracer.startActiveSpan(name, { attributes: values }, async (otel) => {
      const span = wrapped(otel);
      try {
        const result = await work(span);
        span.end();
        return result;
      } catch (error) {
        span.end(hideCredentials(messageOf(error)));
        throw error;
      }
    });
  }

  open(name: string, headers: Readonly<Record<string, unknown>>, work: () => void): OpenSpan {
    const { traceparent, tracestate } = headers;
    const parent = propagation.extract(ROOT_CONTEXT, { traceparent, tracestate });
    const otel = this.#tracer.startSpan(name, { kind: SpanKind.SERVER }, parent);
    context.with(trace.setSpan(parent, otel), work);
    return wrapped(otel);
  }

  record({ name, kind, startedAt, endedAt, values = {}, change, id, failure }: PastSpan): void {
    const traceId = changeId(change);
    const spanId = change.slice(traceId.length + 1);
    // another process's decision is not known here: it is made of the trace's id again
    const traceFlags = isKept(this.#sampler, traceId, name) ? TraceFlags.SAMPLED : TraceFlags.NONE;
    const parent =
      spanId === ''
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
    const otel = this.#ids.using(traceId, id, () =>
      this.#tracer.startSpan(
        name,
        {
          kind: kind === undefined ? SpanKind.INTERNAL : KINDS[kind],
          startTime: new Date(startedAt),
          attributes: values,
        },
        parent,
      ),
    );
    if (failure !== undefined) otel.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    otel.end(new Date(Math.max(startedAt, endedAt)));
  }
}

function wrapped(otel: OtelSpan): OpenSpan {
  const { traceId, spanId } = otel.spanContext();
  return {
    change: `${traceId}-${spanId}`,
    set: (values) => void otel.setAttributes(values),
    end(failure) {
      if (failure !== undefined) otel.setStatus({ code: SpanStatusCode.ERROR, message: failure });
      otel.end();
    },
  };
}

/** Says that traces are lost, once a minute: the service goes on as it is. */
function told(log: Log): (error: unknown) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    const now = performance.now();
    if (now - saidAt < SAY_AGAIN_MS) return;
    saidAt = now;
    const text = error instanceof Error ? error.message : messageOf(error);
    log.warn(
      { error: hideCredentials(text).slice(0, 500) },
      'traces can not be delivered: those are lost, everything else goes on',
    );
  };
}
