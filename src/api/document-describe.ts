/** Puts the words of `document-words.ts` where a parameter or a field of the OpenAPI document has none of its own. */
import { tagWords, words } from './document-words.js';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const mapped = (record: unknown, map: (value: unknown, name: string) => unknown): Json =>
  Object.fromEntries(Object.entries(record as Json).map(([name, value]) => [name, map(value, name)]));

/** What `name` means inside of `around`, the innermost first. */
function wordOf(name: string, around: readonly string[]): string | undefined {
  for (const where of around) {
    const own = words[`${where}.${name}`];
    if (own !== undefined) return own;
  }
  return Object.hasOwn(words, name) ? words[name] : undefined;
}

/** A schema whose fields are all described, as far as there are words for them. */
function describedSchema(schema: unknown, around: readonly string[]): unknown {
  if (Array.isArray(schema)) return schema.map((one) => describedSchema(one, around));
  if (!isObject(schema)) return schema;
  return mapped(schema, (value, keyword) => {
    if (keyword === 'properties')
      return mapped(value, (field, name) => {
        const inner = describedSchema(field, [name, ...around]) as Json;
        const word = inner['description'] ?? wordOf(name, around);
        return word === undefined ? inner : { ...inner, description: word };
      });
    return ['items', 'anyOf', 'oneOf', 'allOf', 'additionalProperties'].includes(keyword)
      ? describedSchema(value, around)
      : value;
  });
}

const describedContent = (holder: unknown, around: readonly string[]): unknown =>
  isObject(holder) && isObject(holder['content'])
    ? {
        ...holder,
        content: mapped(holder['content'], (media) => ({
          ...(media as Json),
          schema: describedSchema((media as Json)['schema'], around),
        })),
      }
    : holder;

function describedOperation(operation: unknown): unknown {
  const { operationId, tags, parameters, requestBody, responses } = operation as Json;
  const around = [operationId as string, ...((tags as string[] | undefined) ?? [])];
  return {
    ...(operation as Json),
    ...(Array.isArray(parameters) && {
      parameters: parameters.map((one: Json) =>
        one['$ref'] === undefined ? { description: wordOf(one['name'] as string, around), ...one } : one,
      ),
    }),
    ...(requestBody !== undefined && { requestBody: describedContent(requestBody, around) }),
    responses: mapped(responses, (response, status) => {
      const full = describedContent(response, around) as Json;
      // What Fastify's generator says where nothing else is said.
      return full['description'] === 'Default Response' ? { ...full, description: answerWords(status) } : full;
    }),
  };
}

const answerWords = (status: string): string => {
  if (status === '201') return 'It is made.';
  if (status === '202') return 'It is accepted.';
  return status.startsWith('2') ? 'The answer.' : 'The refusal, as RFC 9457 has it.';
};

export const describedPaths = (paths: Json): Json =>
  mapped(paths, (methods) => mapped(methods, (operation) => describedOperation(operation)));

export const describedSchemas = (schemas: Json): Json =>
  mapped(schemas, (schema, name) => describedSchema(schema, [name]));

/** The tags that operations of `paths` have, with what they are about. */
export function tagsOf(paths: Json): readonly Json[] {
  const names = new Set(
    Object.values(paths).flatMap((methods) =>
      Object.values(methods as Json).flatMap(
        (operation) => ((operation as Json)['tags'] as string[] | undefined) ?? [],
      ),
    ),
  );
  return [...names].sort().map((name) => ({ name, description: tagWords[name] }));
}
