/**
 * The JSON Schema of the file, for editors. What an editor sees is the file before placeholders are expanded, so wherever the
 * schema wants more than any text, a text with a placeholder will do as well.
 */
import { z } from 'zod';
import { configSchema } from './schema.js';

const placeholder = { type: 'string', pattern: '\\$\\{' };
/** Digits grouped with underscores, which YAML reads as a text. */
const grouped = { type: 'string', pattern: '^[0-9][0-9_]*(\\.[0-9]+)?$' };

export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-2020-12',
    override: ({ jsonSchema, path }) => {
      if (path.at(-1) === 'propertyNames') return;
      const { type, pattern, enum: words } = jsonSchema;
      const number = type === 'number' || type === 'integer';
      if (!number && type !== 'boolean' && !(type === 'string' && (pattern || words))) return;
      const { description, default: fallback, ...strict } = jsonSchema;
      for (const key of Object.keys(jsonSchema)) delete (jsonSchema as Record<string, unknown>)[key];
      Object.assign(jsonSchema, {
        ...(description !== undefined && { description }),
        ...(fallback !== undefined && { default: fallback }),
        anyOf: [strict, ...(number ? [grouped] : []), placeholder],
      });
    },
  });
  return { ...schema, title: 'Tollgate configuration' };
}

/** The text of `config.schema.json`. */
export const configJsonSchemaText = (): string => `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
