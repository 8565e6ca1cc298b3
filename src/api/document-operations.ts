/** What the operations of the data plane and of health take and answer, in the shape of OpenAI's own description. */
import { list, ref, text } from './document-schemas.js';
import type { OperationId } from './table.js';

type Json = Readonly<Record<string, unknown>>;

export const json = (description: string, name: string): Json => ({
  description,
  content: { 'application/json': { schema: ref(name) } },
});
const events: Json = { 'text/event-stream': { schema: text('Events, each of which is a part of the answer.') } };
const taking = (name: string): Json => ({ required: true, content: { 'application/json': { schema: ref(name) } } });

const responseId: Json = {
  ...{ name: 'id', in: 'path', required: true, description: 'The id of the response.', schema: { type: 'string' } },
};
const conversationId: Json = { ...responseId, description: 'The id of the conversation.' };
const itemId: Json = { ...responseId, name: 'item', description: 'The id of the item.' };
const inQuery = (name: string, description: string): Json => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string' },
});
const page: readonly Json[] = [
  { ...inQuery('limit', 'Most items, 1 to 100; 20 unless stated.'), schema: { type: 'integer' } },
  inQuery('order', '`asc`, or `desc` unless stated.'),
  inQuery('after', 'The id of the item after which to go on.'),
];
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
  listInputItems: { parameters: [responseId, ...page], responses: { 200: json('Items.', 'ResponseItems') } },
  createConversation: {
    requestBody: { ...taking('ConversationRequest'), required: false },
    responses: { 200: json('The conversation.', 'Conversation') },
  },
  getConversation: { parameters: [conversationId], responses: { 200: json('The conversation.', 'Conversation') } },
  updateConversation: {
    parameters: [conversationId],
    requestBody: taking('ConversationUpdate'),
    responses: { 200: json('The conversation.', 'Conversation') },
  },
  deleteConversation: { parameters: [conversationId], responses: { 200: json('It is forgotten.', 'DeletedResponse') } },
  listConversationItems: {
    parameters: [conversationId, ...page],
    responses: { 200: json('Items.', 'ResponseItems') },
  },
  createConversationItems: {
    parameters: [conversationId],
    requestBody: taking('ConversationItems'),
    responses: { 200: json('The items.', 'ResponseItems') },
  },
  getConversationItem: {
    parameters: [conversationId, itemId],
    responses: { 200: json('The item.', 'ConversationItem') },
  },
  deleteConversationItem: {
    parameters: [conversationId, itemId],
    responses: { 200: json('The conversation.', 'Conversation') },
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
  getOwnKey: { responses: { 200: json('The key.', 'OwnKey') } },
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

/** The same as at OpenAI's paths, for a model that the path names. */
const atDeployments: Partial<Record<OperationId, OperationId>> = {
  createDeploymentChatCompletion: 'createChatCompletion',
  createDeploymentCompletion: 'createCompletion',
  createDeploymentEmbedding: 'createEmbedding',
};
/** What an operation takes and answers, for where it is told by nobody else. */
export const toldOf = (id: OperationId): Json => {
  const same = atDeployments[id];
  return (same ? { ...told[same], parameters: [deploymentInPath, apiVersion] } : told[id]) ?? {};
};
