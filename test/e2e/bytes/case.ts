/**
 * A request whose bytes are recorded: what the client sends, what the upstream answers. A case that has a `model` gets a
 * model of its own over a provider of its own, so that no earlier failure is remembered for it; its bodies say `OWN`.
 */
import type { Behaviour } from '../../support/upstream-steps.js';

export interface BytesCase {
  /** Unique in all files of cases. */
  readonly name: string;
  /** Default: chat completions. */
  readonly path?: string;
  /** The bodies that are sent, one after the other; a text is sent as it is. */
  readonly sends: readonly (string | object)[];
  readonly headers?: Readonly<Record<string, string>>;
  /** What the upstream answers, one for each of its requests; then as the real API would. */
  readonly answers?: readonly Behaviour[];
  /** Fields of the case's own model. */
  readonly model?: Readonly<Record<string, unknown>>;
  /** The type of the own model's provider. Default: openai-compatible. */
  readonly provider?: 'anthropic' | 'gemini' | 'openai-compatible';
  /** The own model's name at its provider. */
  readonly upstreamModel?: string;
  /** Headers of the answer that change from run to run. */
  readonly changing?: readonly string[];
  /** Fields of the case's own key. */
  readonly key?: Readonly<Record<string, unknown>>;
}

/** Stands in a body for the name of the case's own model. */
export const OWN = '$OWN';

/** The name of a case's own model, and of its provider. */
export const ownName = ({ name }: BytesCase): string => name.replaceAll(/[^\w.]+/g, '-');

export const user = (content: unknown) => ({ role: 'user', content });
export const hello = [user('Say hello.')];

export const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Weather of a city.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer' } },
      required: ['city'],
      additionalProperties: false,
    },
  },
};

export const time = {
  type: 'function',
  function: { name: 'get_time', parameters: { type: 'object', properties: { zone: { type: 'string' } } } },
};

/** One pixel. */
export const PNG =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export const personSchema = {
  type: 'json_schema',
  json_schema: {
    name: 'person',
    strict: true,
    schema: {
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
      required: ['name', 'age'],
      additionalProperties: false,
    },
  },
};
