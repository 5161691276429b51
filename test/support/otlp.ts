/** A span as a collector sees it. */
export interface SpanSeen {
  service: string;
  trace: string;
  id: string;
  /** Empty: it stands at the top. */
  parent: string;
  name: string;
  kind: number;
  values: Record<string, unknown>;
}

/** Reads the spans of an ExportTraceServiceRequest in Protobuf, by its published field numbers, with nothing of the sender's code. */
export function readSpans(bytes: Buffer): SpanSeen[] {
  return all(bytes, 1).flatMap((resourceSpans) => {
    const resource = one(resourceSpans, 1);
    const service = String(attributes(resource, 1)['service.name'] ?? '');
    return all(resourceSpans, 2).flatMap((scopeSpans) =>
      all(scopeSpans, 2).map((span) => ({
        service,
        trace: one(span, 1).toString('hex'),
        id: one(span, 2).toString('hex'),
        parent: one(span, 4).toString('hex'),
        name: one(span, 5).toString(),
        kind: Number(number(span, 6)),
        values: attributes(span, 9),
      })),
    );
  });
}

type Field = { number: number; value: Buffer | bigint };

function attributes(message: Buffer, field: number): Record<string, unknown> {
  return Object.fromEntries(
    all(message, field).map((pair) => [one(pair, 1).toString(), anyValue(fields(one(pair, 2))[0])]),
  );
}

/** An AnyValue: a text, a truth, a whole number or a fraction. */
function anyValue(field: Field | undefined): unknown {
  if (field === undefined) return undefined;
  const { number, value } = field;
  if (typeof value === 'bigint') return number === 2 ? value !== 0n : Number(value);
  return number === 4 ? value.readDoubleLE() : value.toString();
}

function all(message: Buffer, wanted: number): Buffer[] {
  return fields(message).flatMap(({ number, value }) =>
    number === wanted && Buffer.isBuffer(value) ? [value] : [],
  );
}

function one(message: Buffer, wanted: number): Buffer {
  return all(message, wanted)[0] ?? Buffer.alloc(0);
}

function number(message: Buffer, wanted: number): bigint {
  const found = fields(message).find(({ number, value }) => number === wanted && typeof value === 'bigint');
  return typeof found?.value === 'bigint' ? found.value : 0n;
}

/** The fields of a message (wire types 0, 1, 2 and 5). */
function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const octet = message.readUInt8(at++);
      value |= BigInt(octet & 0x7f) << shift;
      if (octet < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const type = tag & 7;
    const value = type === 0 ? varint() : take(type === 1 ? 8 : type === 5 ? 4 : Number(varint()));
    found.push({ number: tag >> 3, value });
  }
  return found;
}
