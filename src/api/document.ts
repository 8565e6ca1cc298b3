/**
 * The OpenAPI document beside what Fastify knows of: the data plane and health, whose bodies no validator reads, are told here
 * by the table, in the shape of OpenAI's own description.
 */
import { describedPaths, describedSchemas, tagsOf } from './document-describe.js';
import { list, ref, schemas, text } from './document-schemas.js';
import { describing } from './route.js';
import { dataRows, healthRows, type OperationId, type Row } from './table.js';

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

const json = (description: string, name: string): Json => ({
  description,
  content: { 'application/json': { schema: ref(name) } },
});
const events: Json = { 'text/event-stream': { schema: text('Events, each of which is a part of the answer.') } };
const taking = (name: string): Json => ({ required: true, content: { 'application/json': { schema: ref(name) } } });

const responseId: Json = {
  ...{ name: 'id', in: 'path', required: true, description: 'The id of the response.', schema: { type: 'string' } },
};
const inQuery = (name: string, description: string): Json => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string' },
});
const modelInPath: Json = {
  ...{ name: 'model', in: 'path', required: true, description: 'The name of the model.', schema: { type: 'string' } },
};

const deploymentInPath: Json = {
  ...modelInPath,
  description: 'The name of the model, which counts whatever the body says.',
};
const apiVersion = inQuery('api-version', 'Any, or none: nothing follows from it.');

/** What an operation takes and answers. */
const told: Partial<Record<OperationId, Json>> = {
  createChatCompletion: {
    requestBody: taking('ChatCompletionRequest'),
    responses: {
      200: {
        description: 'The answer; with `stream: true` in events.',
        content: { 'application/json': { schema: ref('ChatCompletion') }, ...events },
      },
    },
  },
  createMessage: {
    requestBody: taking('MessageRequest'),
    responses: {
      200: {
        description: 'The answer; with `stream: true` in events.',
        content: { 'application/json': { schema: ref('Message') }, ...events },
      },
    },
  },
  countMessageTokens: {
    requestBody: taking('CountRequest'),
    responses: { 200: json('The count.', 'TokenCount') },
  },
  createCompletion: {
    requestBody: taking('CompletionRequest'),
    responses: {
      200: {
        description: 'The answer; with `stream: true` in events.',
        content: { 'application/json': { schema: ref('Completion') }, ...events },
      },
    },
  },
  createResponse: {
    requestBody: taking('ResponseRequest'),
    responses: {
      200: {
        description: 'The response; with `stream: true` in events.',
        content: { 'application/json': { schema: ref('Response') }, ...events },
      },
    },
  },
  getResponse: { parameters: [responseId], responses: { 200: json('The response as it is now.', 'Response') } },
  deleteResponse: { parameters: [responseId], responses: { 200: json('It is forgotten.', 'DeletedResponse') } },
  cancelResponse: { parameters: [responseId], responses: { 200: json('The response as it is now.', 'Response') } },
  listInputItems: {
    parameters: [
      responseId,
      { ...inQuery('limit', 'Most items, 1 to 100; 20 unless stated.'), schema: { type: 'integer' } },
      inQuery('order', '`asc`, or `desc` unless stated.'),
      inQuery('after', 'The id of the item after which to go on.'),
    ],
    responses: { 200: json('Items.', 'ResponseItems') },
  },
  createEmbedding: {
    requestBody: taking('EmbeddingRequest'),
    responses: { 200: json('The vectors.', 'Embeddings') },
  },
  generateContent: {
    parameters: [modelInPath],
    requestBody: taking('ContentRequest'),
    responses: { 200: json('The answer.', 'Content') },
  },
  streamGenerateContent: {
    parameters: [
      modelInPath,
      {
        name: 'alt',
        in: 'query',
        required: false,
        description: '`sse`: events; else one JSON array.',
        schema: { type: 'string' },
      },
    ],
    requestBody: taking('ContentRequest'),
    responses: {
      200: {
        description: 'The answer in parts.',
        content: { ...events, 'application/json': { schema: list(ref('Content'), 'The parts.') } },
      },
    },
  },
  countContentTokens: {
    parameters: [modelInPath],
    requestBody: taking('ContentRequest'),
    responses: { 200: json('The count.', 'ContentTokenCount') },
  },
  embedContent: {
    parameters: [modelInPath],
    requestBody: taking('EmbedContentRequest'),
    responses: { 200: json('The vector.', 'ContentEmbedding') },
  },
  batchEmbedContents: {
    parameters: [modelInPath],
    requestBody: taking('BatchEmbedContentsRequest'),
    responses: { 200: json('The vectors.', 'ContentEmbeddings') },
  },
  listGoogleModels: { responses: { 200: json('The models.', 'GoogleModelList') } },
  retrieveGoogleModel: {
    parameters: [{ ...modelInPath, name: 'id' }],
    responses: { 200: json('The model.', 'GoogleModel') },
  },
  listModels: { responses: { 200: json('The models.', 'ModelList') } },
  retrieveModel: {
    parameters: [
      { name: 'id', in: 'path', required: true, description: 'The name of the model.', schema: { type: 'string' } },
    ],
    responses: { 200: json('The model.', 'Model') },
  },
  getHealth: { responses: { 200: json('It is alive.', 'Health') } },
  getReadiness: {
    responses: { 200: json('Requests can be served.', 'Health'), 503: json('They cannot.', 'Health') },
  },
  getMetrics: {
    responses: { 200: { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } } },
  },
};

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

/** The same as at OpenAI's paths, for a model that the path names. */
const atDeployments: Partial<Record<OperationId, OperationId>> = {
  createDeploymentChatCompletion: 'createChatCompletion',
  createDeploymentCompletion: 'createCompletion',
  createDeploymentEmbedding: 'createEmbedding',
};
const toldOf = (id: OperationId): Json => {
  const same = atDeployments[id];
  return (same ? { ...told[same], parameters: [deploymentInPath, apiVersion] } : told[id]) ?? {};
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
