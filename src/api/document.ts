/**
 * The OpenAPI document beside what Fastify knows of: the data plane and health, whose bodies no validator reads, are told here
 * by the table and `document-operations.ts`.
 */
import { describedPaths, describedSchemas, tagsOf } from './document-describe.js';
import { json, toldOf } from './document-operations.js';
import { ref, schemas } from './document-schemas.js';
import { describing } from './route.js';
import { dataRows, healthRows, type Row } from './table.js';

type Json = Readonly<Record<string, unknown>>;

/** The gateway's document, as far as it is read here. */
export interface OpenApiDocument {
  readonly paths?: Json;
  readonly components?: Json & { readonly schemas?: Json };
}

export const securitySchemes = {
  admin: { type: 'http', scheme: 'bearer', description: 'The admin key.' },
  key: { type: 'http', scheme: 'bearer', description: 'A virtual key, or a token of an issuer.' },
  keyHeader: {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description: 'A virtual key; `api-key` and `x-goog-api-key` do as well.',
  },
} as const;

const security = { key: [{ key: [] }, { keyHeader: [] }], admin: [{ admin: [] }], public: [] };

/** Headers that every request to a model may have; what more there is stands in docs/clients.md. */
const header = (name: string, description: string): Json => ({
  ...{ name, in: 'header', required: false, description, schema: { type: 'string' } },
});
const parameters: Json = {
  RequestId: header('x-request-id', 'The id of the request; made where it is left out. It is sent on and given back.'),
  Tags: header('x-tollgate-tags', 'Tags of the entry, with commas between them.'),
  EndUser: header('x-tollgate-user', 'The end user for whom the request is.'),
  Metadata: header('x-tollgate-metadata', 'A JSON object that is kept with the entry.'),
  Cache: header('x-tollgate-cache', '`off`, `refresh` or `only-exact`.'),
  CacheTtl: header('x-tollgate-cache-ttl', 'How long the answer may be kept, such as `10m`.'),
  Timeout: header('x-tollgate-timeout', 'How long the request may take, such as `30s`.'),
  Fallbacks: header('x-tollgate-fallbacks', '`off`: no other model is tried.'),
  IdempotencyKey: header(
    'idempotency-key',
    'A text of 1 to 255 characters. The same write with the same text is made once, and answered alike, for a day.',
  ),
};
const named = (name: string): Json => ({ $ref: `#/components/parameters/${name}` });
const ofCalls = ['RequestId', 'Tags', 'EndUser', 'Metadata', 'Cache', 'CacheTtl', 'Timeout', 'Fallbacks'].map(named);

/** Writes that are told apart by what they do, and take no `Idempotency-Key`. */
const notRemembered: ReadonlySet<string> = new Set([
  'testProvider',
  'explainRequest',
  'updateCatalogue',
  'resetCatalogue',
  'verifyLedger',
  'repriceLedger',
]);

const waiting = (name: string, description: string): Json => ({
  ...json(description, name),
  headers: {
    'retry-after': { description: 'Seconds until it is worth trying again.', schema: { type: 'integer' } },
  },
});

const errorSchemas: Partial<Record<Row['dialect'], string>> = {
  'anthropic-messages': 'AnthropicError',
  'google-rpc': 'GoogleError',
};

const problem = (description: string): Json => ({
  description,
  content: { 'application/problem+json': { schema: ref('Problem') } },
});

function errorsOf({ access, dialect }: Row): Json {
  if (access !== 'key') return { '4XX': problem('The refusal, as RFC 9457 has it.') };
  const name = errorSchemas[dialect] ?? 'OpenAiError';
  return {
    429: waiting(name, 'A limit is used up; the message names it.'),
    '4XX': json('The request is at fault.', name),
    '5XX': waiting(name, 'The upstream or the gateway is at fault.'),
  };
}

function operationOf(row: Row): Json {
  const { operationId, access, format } = row;
  const { responses, parameters: own = [], ...rest } = toldOf(operationId);
  const taken = [...(own as Json[]), ...(format ? ofCalls : [])];
  return {
    ...describing(operationId),
    security: security[access],
    ...rest,
    ...(taken.length > 0 && { parameters: taken }),
    responses: { ...(responses as Json), ...errorsOf(row) },
  };
}

/** The paths of the admin API as Fastify tells them, with what its generator does not know. */
function adminPaths(paths: Json): Json {
  const operation = (method: string, told: Json): Json => {
    if (method === 'get' || notRemembered.has(told['operationId'] as string)) return told;
    return { ...told, parameters: [...((told['parameters'] as Json[] | undefined) ?? []), named('IdempotencyKey')] };
  };
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods as Json).map(([method, told]) => [method, operation(method, told as Json)]),
      ),
    ]),
  );
}

/** What the whole document says of itself. */
export const about = {
  title: 'Tollgate',
  description:
    'The data plane, which speaks the dialects of OpenAI, Anthropic and Google, and the admin API under `/admin/v1`. The admin API has keyset pagination (`limit`, `cursor` -> `data`, `next_cursor`); PATCH is a JSON merge patch; writes take an `Idempotency-Key`; errors are RFC 9457 problem documents.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
} as const;
export const servers = [{ url: '/', description: 'The gateway that serves this document.' }];

/** The whole document: what Fastify wrote of the admin API, with all that the table has beside it. */
export function wholeDocument<Written extends OpenApiDocument>(admin: Written): Written {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const row of [...dataRows, ...healthRows]) {
    const path = row.path.replace('{+', '{');
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operationOf(row) };
  }
  const all = describedPaths({ ...paths, ...adminPaths(admin.paths ?? {}) });
  const inUse = used({ ...schemas, ...admin.components?.schemas }, all);
  const [schemasInUse, pathsOfAll] = plainlyNamed(inUse, all);
  return {
    ...admin,
    tags: tagsOf(all),
    paths: pathsOfAll,
    components: { ...admin.components, parameters, schemas: describedSchemas(schemasInUse) },
  };
}

/** The generator writes `NewKeyInput` for what requests hold; where no answer holds it too, it is `NewKey`. */
function plainlyNamed(named: Json, paths: Json): readonly [schemas: Json, paths: Json] {
  const plain = (name: string): string => {
    const base = name.replace(/Input$/, '');
    return Object.hasOwn(named, base) ? name : base;
  };
  const renamed = (value: unknown): Json =>
    JSON.parse(
      JSON.stringify(value).replace(
        /"#\/components\/schemas\/(\w+)"/g,
        (_, name: string) => `"#/components/schemas/${plain(name)}"`,
      ),
    ) as Json;
  const schemas = Object.entries(named).map(([name, schema]) => [plain(name), renamed(schema)] as const);
  return [Object.fromEntries(schemas), renamed(paths)];
}

/** The schemas that something refers to. */
function used(all: Json, paths: Json): Json {
  const found = new Set<string>();
  const follow = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (found.has(name!)) continue;
      found.add(name!);
      follow(all[name!]);
    }
  };
  follow(paths);
  return Object.fromEntries(Object.entries(all).filter(([name]) => found.has(name)));
}
