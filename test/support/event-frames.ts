/** Frames of AWS's event stream, as Bedrock sends them. */
import { EventStreamCodec } from '@smithy/core/event-streams';

const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8')),
  (text) => Buffer.from(text, 'utf8'),
);

function frame(headers: Readonly<Record<string, string>>, payload: object | string): Buffer {
  const typed = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, { type: 'string' as const, value }]),
  );
  const body = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  return Buffer.from(codec.encode({ headers: typed, body }));
}

const JSON_TYPE = { ':content-type': 'application/json' };

/** `p` is what Bedrock pads its events with. */
export const event = (name: string, payload: object): Buffer =>
  frame({ ':event-type': name, ...JSON_TYPE, ':message-type': 'event' }, { ...payload, p: 'abcdef' });

export const exception = (name: string, message: string): Buffer =>
  frame({ ':exception-type': name, ...JSON_TYPE, ':message-type': 'exception' }, { message });

export const errorFrame = (code: string, message: string): Buffer =>
  frame({ ':error-code': code, ':error-message': message, ':message-type': 'error' }, '');

/** An event of the messages format, as InvokeModel wraps it. */
export const chunk = (json: object): Buffer =>
  event('chunk', { bytes: Buffer.from(JSON.stringify(json)).toString('base64') });
