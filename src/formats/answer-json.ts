/** The JSON of an upstream's whole answer: a small one is read at once, a large one in turns of the event loop. */
import { isUtf8 } from 'node:buffer';
import { isSmall } from '../lib/json-bytes.js';
import { JsonReading, type ReadField, type ReadLimits } from '../lib/json-reading.js';
import { finishInTurns } from '../lib/turns.js';

const LIMITS: ReadLimits = { depth: 256, names: 10_000 };

export interface ReadAnswer {
  readonly value: unknown;
  /** Of a large answer: where the fields of its object are. */
  readonly fields?: readonly ReadField[];
}

/** Undefined where it is not JSON. `passedOver`: a field whose value is not built where it is large. */
export function readAnswerJson(
  body: Buffer,
  passedOver?: string,
): ReadAnswer | undefined | Promise<ReadAnswer | undefined> {
  if (!isSmall(body.length)) return inTurns(body, passedOver === undefined ? LIMITS : { ...LIMITS, passedOver });
  try {
    return { value: JSON.parse(body.toString('utf8')) };
  } catch {
    return undefined;
  }
}

async function inTurns(body: Buffer, limits: ReadLimits): Promise<ReadAnswer | undefined> {
  if (!isUtf8(body)) return undefined;
  const reading = new JsonReading(body, limits);
  await finishInTurns(reading);
  return reading.problem === undefined ? { value: reading.value, fields: reading.fields } : undefined;
}
