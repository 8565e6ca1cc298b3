/** A value that fits a JSON Schema, as far as the schemas of tools and structured outputs in these tests go. */
type Schema = Readonly<Record<string, unknown>>;

export function sampleOf(schema: Schema, root: Schema = schema): unknown {
  const reference = schema['$ref'];
  if (typeof reference === 'string') return sampleOf(resolve(reference, root), root);
  if ('const' in schema) return schema['const'];
  const choices = (schema['enum'] ?? undefined) as readonly unknown[] | undefined;
  if (choices) return choices[0];
  const any = (schema['anyOf'] ?? schema['oneOf']) as readonly Schema[] | undefined;
  if (any) return sampleOf(any[0]!, root);
  const type = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
  switch (type) {
    case 'string':
      return 'sample';
    case 'integer':
      return 7;
    case 'number':
      return 1.5;
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array':
      return [sampleOf((schema['items'] ?? { type: 'string' }) as Schema, root)];
    default:
      return Object.fromEntries(
        Object.entries((schema['properties'] ?? {}) as Record<string, Schema>).map(([name, of]) => [
          name,
          sampleOf(of, root),
        ]),
      );
  }
}

function resolve(reference: string, root: Schema): Schema {
  const path = reference.replace(/^#\/?/, '').split('/').filter(Boolean);
  return path.reduce((at: unknown, name) => (at as Record<string, unknown>)[name], root) as Schema;
}
