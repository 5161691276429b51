import { oneOf, type Parser, text, url, wholeNumber } from './parsers.ts';

/** Traces, where they are wanted. */
export interface TracingConfig {
  /** Where they are sent, by OTLP over HTTP. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly sampler: Sampler;
  /** The share of traces that is kept, from 0 to 1. */
  readonly ratio: number;
  readonly everyMs: number;
  readonly mostWaiting: number;
}

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type Sampler = (typeof SAMPLERS)[number];

const ratio: Parser<number> = {
  takes: 'a number from 0 to 1',
  parse(written) {
    const value = /^\d*\.?\d+$/.test(written) ? Number(written) : Number.NaN;
    return value >= 0 && value <= 1 ? value : undefined;
  },
};

const headers: Parser<Readonly<Record<string, string>>> = {
  takes: 'name=value, several between commas',
  parse(written) {
    const pairs = written.split(',').map((pair) => /^([^=\s]+)\s*=(.*)$/s.exec(pair.trim()));
    if (pairs.some((pair) => pair === null)) return undefined;
    try {
      return Object.fromEntries(
        pairs.map((pair) => [pair?.[1], decodeURIComponent(pair?.[2]?.trim() ?? '')]),
      );
    } catch {
      return undefined;
    }
  },
};

/** The standard variables of OpenTelemetry that are followed here. */
export const tracingSettings = {
  otelEndpoint: {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    unit: 'URL',
    unset: 'no traces',
    help: 'OpenTelemetry collector that traces are sent to by OTLP over HTTP, to /v1/traces there.',
    secret: true,
    ...url('http://127.0.0.1:4318', 'http', 'https'),
  },
  otelTracesEndpoint: {
    name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    unit: 'URL',
    unset: 'that of OTEL_EXPORTER_OTLP_ENDPOINT',
    help: 'The whole URL that traces are sent to.',
    secret: true,
    ...url('http://127.0.0.1:4318/v1/traces', 'http', 'https'),
  },
  otelHeaders: {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    unit: 'name=value, comma-separated',
    unset: 'none',
    help: 'Headers sent along with traces, such as a token of the collector.',
    secret: true,
    ...headers,
  },
  otelProtocol: {
    name: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    unit: 'http/protobuf',
    unset: 'http/protobuf',
    help: 'The form in which traces are sent; there is one.',
    ...oneOf('http/protobuf'),
  },
  otelExporter: {
    name: 'OTEL_TRACES_EXPORTER',
    unit: 'otlp or none',
    unset: 'otlp where an endpoint is set',
    help: 'otlp sends traces, to http://localhost:4318 where no endpoint is set; none turns them off.',
    ...oneOf('otlp', 'none'),
  },
  otelDisabled: {
    name: 'OTEL_SDK_DISABLED',
    unit: 'true or false',
    unset: 'false',
    help: 'true turns traces off, whatever else is set.',
    ...oneOf('true', 'false'),
  },
  otelServiceName: {
    name: 'OTEL_SERVICE_NAME',
    unit: 'name',
    unset: 'zoneferry',
    help: 'What this service is called in traces.',
    ...text(),
  },
  otelSampler: {
    name: 'OTEL_TRACES_SAMPLER',
    unit: SAMPLERS.join(', '),
    unset: 'parentbased_always_on',
    help: 'Which traces are kept.',
    ...oneOf(...SAMPLERS),
  },
  otelSamplerArg: {
    name: 'OTEL_TRACES_SAMPLER_ARG',
    unit: 'number from 0 to 1',
    unset: '1',
    help: 'The share of traces that the traceidratio samplers keep.',
    ...ratio,
  },
  otelEvery: {
    name: 'OTEL_BSP_SCHEDULE_DELAY',
    unit: 'milliseconds',
    unset: '5000',
    help: 'How long spans are gathered before they are sent.',
    ...wholeNumber('milliseconds', 1, 600_000),
  },
  otelMostWaiting: {
    name: 'OTEL_BSP_MAX_QUEUE_SIZE',
    unit: 'spans',
    unset: '2048',
    help: 'Spans that wait to be sent at most; what is more is dropped.',
    ...wholeNumber('spans', 1, 1_000_000),
  },
} as const;

type Read = <T>(setting: Parser<T> & { name: string; unit: string; help: string }) => T | undefined;

/** What the variables come to; undefined: nothing is traced. */
export function readTracing(read: Read): TracingConfig | undefined {
  const s = tracingSettings;
  const base = read<string>(s.otelEndpoint);
  const whole = read<string>(s.otelTracesEndpoint);
  const exporter = read<'otlp' | 'none'>(s.otelExporter);
  const config = {
    url: whole ?? `${(base ?? 'http://localhost:4318').replace(/\/+$/, '')}/v1/traces`,
    headers: read<Readonly<Record<string, string>>>(s.otelHeaders) ?? {},
    serviceName: read<string>(s.otelServiceName) ?? 'zoneferry',
    sampler: read<Sampler>(s.otelSampler) ?? 'parentbased_always_on',
    ratio: read<number>(s.otelSamplerArg) ?? 1,
    everyMs: read<number>(s.otelEvery) ?? 5_000,
    mostWaiting: read<number>(s.otelMostWaiting) ?? 2_048,
  };
  const isOff = read<'true' | 'false'>(s.otelDisabled) === 'true' || exporter === 'none';
  if (isOff || (base === undefined && whole === undefined && exporter === undefined)) return undefined;
  read<string>(s.otelProtocol);
  return config;
}

/** The variables that lead to this configuration. */
export function tracingInForce(config: TracingConfig): Record<string, string | number> {
  const headers = Object.entries(config.headers).map(
    ([name, value]) => `${name}=${encodeURIComponent(value)}`,
  );
  return {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: config.url,
    OTEL_EXPORTER_OTLP_HEADERS: headers.join(','),
    OTEL_SERVICE_NAME: config.serviceName,
    OTEL_TRACES_SAMPLER: config.sampler,
    OTEL_TRACES_SAMPLER_ARG: config.ratio,
    OTEL_BSP_SCHEDULE_DELAY: config.everyMs,
    OTEL_BSP_MAX_QUEUE_SIZE: config.mostWaiting,
  };
}
