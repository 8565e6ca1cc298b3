/**
 * The OpenAPI document beside what Fastify knows of: the data plane and health, whose bodies no validator reads, are told here
 * by the table, in the shape of OpenAI's own description.
 */
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

function operationOf({ operationId, access, dialect }: Row): Json {
  const { responses, ...rest } = toldOf(operationId);
  const errors = access === 'key' ? { '4XX': json('The error.', errorSchemas[dialect] ?? 'OpenAiError') } : {};
  return {
    ...describing(operationId),
    security: security[access],
    ...rest,
    responses: { ...(responses as Json), ...errors },
  };
}

/** The whole document: what Fastify wrote of the admin API, with all that the table has beside it. */
export function wholeDocument<Written extends OpenApiDocument>(admin: Written): Written {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const row of [...dataRows, ...healthRows]) {
    const path = row.path.replace('{+', '{');
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operationOf(row) };
  }
  const whole = { ...admin, paths: { ...paths, ...admin.paths } };
  const all: Json = { ...schemas, ...admin.components?.schemas };
  return { ...whole, components: { ...admin.components, schemas: used(all, whole.paths) } };
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
