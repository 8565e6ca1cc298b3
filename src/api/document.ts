/**
 * The OpenAPI document beside what Fastify knows of: the data plane and health, whose bodies no validator reads, are told here
 * by the table, in the shape of OpenAI's own description.
 */
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

const object = (description: string, properties: Json, required = Object.keys(properties)): Json => ({
  ...{ type: 'object', description, properties, required, additionalProperties: true },
});
const text = (description: string): Json => ({ type: 'string', description });
const whole = (description: string): Json => ({ type: 'integer', description });
const list = (items: Json, description: string): Json => ({ type: 'array', items, description });
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

const usage = object('What was used.', {
  prompt_tokens: whole('Tokens of the request.'),
  total_tokens: whole('All tokens.'),
});

const schemas: Json = {
  ChatCompletionRequest: object(
    'A conversation, as OpenAI has it. Fields that are not named here go on to a target that speaks the same format.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      messages: list(object('One message.', { role: text('Who speaks.') }), 'The conversation so far.'),
      stream: { type: 'boolean', description: 'Answer in events.' },
      max_completion_tokens: whole('Most tokens of the answer.'),
    },
    ['model', 'messages'],
  ),
  ChatCompletion: object('A whole answer.', {
    id: text('Names the answer.'),
    object: text('`chat.completion`.'),
    created: whole('When, in seconds since the Unix epoch.'),
    model: text('The model that answered.'),
    choices: list(object('One answer.', { index: whole('Its number.') }), 'The answers.'),
    usage,
  }),
  MessageRequest: object(
    'A conversation, as Anthropic has it. Fields that are not named here go on to a target that speaks the same format.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      max_tokens: whole('Most tokens of the answer.'),
      messages: list(object('One turn.', { role: text('Who speaks.') }), 'The conversation so far.'),
      system: { description: 'Instructions: a text, or a list of texts.' },
      stream: { type: 'boolean', description: 'Answer in events.' },
    },
    ['model', 'max_tokens', 'messages'],
  ),
  CountRequest: object(
    'A conversation whose tokens are to be counted.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      messages: list(object('One turn.', { role: text('Who speaks.') }), 'The conversation so far.'),
    },
    ['model', 'messages'],
  ),
  TokenCount: object('A count.', {
    input_tokens: whole('Tokens of the conversation, its instructions and its tools.'),
  }),
  Message: object('A whole answer.', {
    id: text('Names the answer.'),
    type: text('`message`.'),
    role: text('`assistant`.'),
    model: text('The model that answered.'),
    content: list(object('One block.', { type: text('What it is.') }), 'What the model says.'),
    stop_reason: text('Why the answer ended.'),
    usage: object('What was used.', {
      input_tokens: whole('Tokens of the request that were neither read from nor written to the prompt cache.'),
      output_tokens: whole('Tokens of the answer.'),
    }),
  }),
  CompletionRequest: object(
    'A text to go on with, as OpenAI has it.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      prompt: { description: 'A text, a list of texts, tokens, or a list of lists of tokens.' },
      max_tokens: whole('Most tokens of each answer.'),
      stream: { type: 'boolean', description: 'Answer in events.' },
    },
    ['model', 'prompt'],
  ),
  Completion: object('A whole answer.', {
    id: text('Names the answer.'),
    object: text('`text_completion`.'),
    model: text('The model that answered.'),
    choices: list(object('One answer.', { index: whole('Its number.') }), 'The answers.'),
    usage,
  }),
  ResponseRequest: object(
    'A request for a response, as OpenAI has it. Fields that are not named here go on to a target that speaks the same format.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      input: { description: 'A text, or a list of items: messages, calls of tools and their results, reasoning.' },
      instructions: { type: ['string', 'null'], description: 'What the model is told first.' },
      stream: { type: 'boolean', description: 'Answer in events.' },
      max_output_tokens: whole('Most tokens of the answer, reasoning included.'),
    },
    ['model'],
  ),
  Response: object('A response.', {
    id: text('Names the response.'),
    object: text('`response`.'),
    created_at: whole('When, in seconds since the Unix epoch.'),
    status: text('`completed`, `incomplete`, `failed`, `in_progress`, `queued` or `cancelled`.'),
    model: text('The model that answered.'),
    output: list(object('One item.', { type: text('What it is.') }), 'What the model said, thought and called.'),
  }),
  DeletedResponse: object('A response that is forgotten.', {
    id: text('Names the response.'),
    object: text('`response`.'),
    deleted: { type: 'boolean', description: 'true.' },
  }),
  ResponseItems: object('A page of items.', {
    object: text('`list`.'),
    data: list(object('One item.', { id: text('Names the item.') }), 'The items.'),
    has_more: { type: 'boolean', description: 'Whether there are more.' },
  }),
  EmbeddingRequest: object(
    'Texts to embed, as OpenAI has it.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      input: { description: 'A text, a list of texts, tokens, or a list of lists of tokens.' },
      encoding_format: { enum: ['float', 'base64'], description: 'How vectors are written.' },
    },
    ['model', 'input'],
  ),
  Embeddings: object('Vectors in the order of the texts.', {
    object: text('`list`.'),
    model: text('The model that answered.'),
    data: list(object('One vector.', { index: whole('Which text it is of.') }), 'The vectors.'),
    usage,
  }),
  ContentRequest: object(
    'A conversation, as Google has it. Fields that are not named here go on to a target that speaks the same format.',
    {
      contents: list(
        object('What one side said.', { parts: list(object('A part.', {}), 'Its parts.') }),
        'The conversation so far.',
      ),
      systemInstruction: object('How the model is to answer.', {}),
      generationConfig: object('What steers the answer.', {}),
    },
    ['contents'],
  ),
  Content: object(
    'An answer, or a part of a stream.',
    {
      candidates: list(object('One answer.', {}), 'The answers.'),
      usageMetadata: object('What was used.', { totalTokenCount: whole('All tokens.') }),
      modelVersion: text('The model that answered.'),
      responseId: text('Names the answer.'),
    },
    [],
  ),
  ContentTokenCount: object('A count.', { totalTokens: whole('Tokens of the conversation.') }),
  EmbedContentRequest: object('A text to embed.', { content: object('The text, as parts.', {}) }),
  BatchEmbedContentsRequest: object('Texts to embed.', {
    requests: list(ref('EmbedContentRequest'), 'One for each text.'),
  }),
  ContentEmbedding: object('A vector.', {
    embedding: object('The vector.', { values: list({ type: 'number' }, 'Its numbers.') }),
  }),
  ContentEmbeddings: object('Vectors in the order of the texts.', {
    embeddings: list(object('One vector.', {}), 'The vectors.'),
  }),
  GoogleModel: object('A model that the key may use, as Google tells it.', {
    name: text('`models/` and what to send as the model.'),
    displayName: text('Its name.'),
    supportedGenerationMethods: list({ type: 'string' }, 'What it can be asked.'),
  }),
  GoogleModelList: object('Models, as Google lists them.', { models: list(ref('GoogleModel'), 'The models.') }),
  GoogleError: object('An error, as Google has it.', {
    error: object('What happened.', {
      code: whole('The HTTP status.'),
      message: text('What happened, and what to do.'),
      status: text('What happened, in a word.'),
    }),
  }),
  Model: object('A model that the key may use.', {
    id: text('What to send as `model`.'),
    object: text('`model`.'),
    created: whole('When, in seconds since the Unix epoch.'),
    owned_by: text('Whose it is.'),
  }),
  ModelList: object('Models.', { object: text('`list`.'), data: list(ref('Model'), 'The models.') }),
  AnthropicError: object('An error, as Anthropic has it.', {
    type: text('`error`.'),
    error: object('What happened.', {
      type: text('Whose fault it is.'),
      message: text('What happened, and what to do.'),
    }),
    request_id: text('Leads to the request in the log of the gateway.'),
  }),
  OpenAiError: object('An error, as OpenAI has it.', {
    error: object('What happened.', {
      message: text('What happened, and what to do.'),
      type: text('Whose fault it is.'),
      param: { type: ['string', 'null'], description: 'The field that is at fault.' },
      code: { type: ['string', 'null'], description: 'What happened, in a word.' },
    }),
  }),
  Health: object('The state of the gateway.', { status: text('`ok`, `ready` or `unavailable`.') }),
};

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

function operationOf({ operationId, access, dialect }: Row): Json {
  const { responses, ...rest } = told[operationId] ?? {};
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
