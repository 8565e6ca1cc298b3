/** OTLP's export request for traces, read from its protobuf: the fields that tests ask about, by OpenTelemetry's numbers. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly startNano: bigint;
  readonly endNano: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[];
  /** 0 unset, 1 ok, 2 error. */
  readonly code: number;
  readonly message: string;
}

export interface Exported {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: string;
  readonly spans: readonly Span[];
}

type Field = { readonly number: number; readonly value: bigint | Buffer };

/** The fields of a message in the order in which they stand there. */
function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    const type = tag & 7;
    if (type === 0) fields.push({ number, value: varint() });
    else {
      const length = type === 1 ? 8 : type === 5 ? 4 : Number(varint());
      fields.push({ number, value: bytes.subarray(at, (at += length)) });
    }
  }
  return fields;
}

const all = (bytes: Buffer, number: number): Buffer[] =>
  fieldsOf(bytes).flatMap((field) => (field.number === number && Buffer.isBuffer(field.value) ? [field.value] : []));
const bytesAt = (bytes: Buffer, number: number): Buffer => all(bytes, number)[0] ?? Buffer.alloc(0);
const text = (bytes: Buffer, number: number): string => bytesAt(bytes, number).toString('utf8');
const numberAt = (bytes: Buffer, number: number): number => {
  const found = fieldsOf(bytes).find((field) => field.number === number)?.value ?? 0n;
  return typeof found === 'bigint' ? Number(found) : 0;
};

function anyOf(any: Buffer): unknown {
  const [field] = fieldsOf(any);
  if (!field) return undefined;
  const { number, value } = field;
  if (number === 1) return (value as Buffer).toString('utf8');
  if (number === 2) return value === 1n;
  if (number === 3) return Number(BigInt.asIntN(64, value as bigint));
  if (number === 4) return (value as Buffer).readDoubleLE();
  if (number === 5) return all(value as Buffer, 1).map(anyOf);
  return undefined;
}

const attributesOf = (message: Buffer, number: number): Record<string, unknown> =>
  Object.fromEntries(all(message, number).map((pair) => [text(pair, 1), anyOf(bytesAt(pair, 2))]));

function spanOf(span: Buffer): Span {
  const status = bytesAt(span, 15);
  return {
    traceId: bytesAt(span, 1).toString('hex'),
    spanId: bytesAt(span, 2).toString('hex'),
    traceState: text(span, 3),
    parentSpanId: bytesAt(span, 4).toString('hex'),
    name: text(span, 5),
    kind: numberAt(span, 6),
    startNano: bytesAt(span, 7).readBigUInt64LE(),
    endNano: bytesAt(span, 8).readBigUInt64LE(),
    attributes: attributesOf(span, 9),
    events: all(span, 11).map((event) => ({ name: text(event, 2), attributes: attributesOf(event, 3) })),
    code: numberAt(status, 3),
    message: text(status, 2),
  };
}

export const decodeExport = (body: Buffer): Exported[] =>
  all(body, 1).flatMap((of) =>
    all(of, 2).map((scoped) => ({
      resource: attributesOf(bytesAt(of, 1), 1),
      scope: text(bytesAt(scoped, 1), 1),
      spans: all(scoped, 2).map(spanOf),
    })),
  );
