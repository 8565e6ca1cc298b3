/**
 * The gateway's own addresses, and the only list of them. Made from it: what classic routes may not take and where a nearly
 * right path leads (`addresses.ts`), the fast path's look-up, Fastify's routes with who may call them (`route.ts`), `405` with
 * `Allow`, the dialect of an error where there is no handler, and the OpenAPI document. In a path `{id}` stands for one
 * segment, `{+id}` for one or more; what follows `}` ends the last one.
 */
import type { FormatId } from '../formats/format-id.js';

/** `admin`: the admin key. `key`: a virtual key. `public`: anybody. */
export type Access = 'admin' | 'key' | 'public';
export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';
/** How errors are written: as in a wire format, or as RFC 9457 has it. */
export type Dialect = 'openai-chat' | 'anthropic-messages' | 'google-rpc' | 'problem';

export interface Row {
  readonly operationId: OperationId;
  readonly method: Method;
  readonly path: string;
  readonly access: Access;
  readonly dialect: Dialect;
  readonly summary: string;
  /** Where a model is asked: the wire format of the address. */
  readonly format?: FormatId;
}

type Written = readonly [address: `${Method} /${string}`, summary: string];

/** Where models are asked. */
const calls = {
  createChatCompletion: ['POST /v1/chat/completions', 'Answer a conversation, whole or as a stream.'],
  createMessage: ['POST /v1/messages', 'Answer a conversation in the dialect of Anthropic, whole or as a stream.'],
  createCompletion: ['POST /v1/completions', 'Go on with a text, whole or as a stream.'],
  createResponse: ['POST /v1/responses', 'Answer a conversation as a response, whole or as a stream.'],
  createEmbedding: ['POST /v1/embeddings', 'Embed texts.'],
  generateContent: ['POST /v1beta/models/{+model}:generateContent', 'Answer a conversation in the dialect of Google.'],
  streamGenerateContent: [
    'POST /v1beta/models/{+model}:streamGenerateContent',
    'Answer a conversation in the dialect of Google as a stream: events with `alt=sse`, else one JSON array.',
  ],
  embedContent: ['POST /v1beta/models/{+model}:embedContent', 'Embed a text in the dialect of Google.'],
  batchEmbedContents: ['POST /v1beta/models/{+model}:batchEmbedContents', 'Embed texts in the dialect of Google.'],
  createDeploymentChatCompletion: [
    'POST /openai/deployments/{model}/chat/completions',
    'Answer a conversation, at the path that clients for Azure use.',
  ],
  createDeploymentCompletion: [
    'POST /openai/deployments/{model}/completions',
    'Go on with a text, at the path that clients for Azure use.',
  ],
  createDeploymentEmbedding: [
    'POST /openai/deployments/{model}/embeddings',
    'Embed texts, at the path that clients for Azure use.',
  ],
} as const satisfies Record<string, Written>;

const spoken: Readonly<Record<CallOperation, FormatId>> = {
  createChatCompletion: 'openai-chat',
  createMessage: 'anthropic-messages',
  createCompletion: 'openai-completions',
  createResponse: 'openai-responses',
  createEmbedding: 'openai-embeddings',
  generateContent: 'google-gemini',
  streamGenerateContent: 'google-gemini',
  embedContent: 'google-embeddings',
  batchEmbedContents: 'google-embeddings',
  createDeploymentChatCompletion: 'openai-chat',
  createDeploymentCompletion: 'openai-completions',
  createDeploymentEmbedding: 'openai-embeddings',
};

/** Where the tokens of a request are counted. */
const counts = {
  countMessageTokens: [
    'POST /v1/messages/count_tokens',
    'Count the tokens of a conversation in the dialect of Anthropic.',
  ],
  countContentTokens: [
    'POST /v1beta/models/{+model}:countTokens',
    'Count the tokens of a conversation in the dialect of Google.',
  ],
} as const satisfies Record<string, Written>;

const models = {
  getOwnKey: ['GET /v1/key', 'The key of the caller: what it may use, what it spent, and what is left of its limits.'],
  listModels: ['GET /v1/models', 'The models that the key may use.'],
  retrieveModel: ['GET /v1/models/{+id}', 'One model that the key may use.'],
  listGoogleModels: ['GET /v1beta/models', 'The models that the key may use, as Google lists them.'],
  retrieveGoogleModel: ['GET /v1beta/models/{+id}', 'One model that the key may use, as Google tells it.'],
} as const satisfies Record<string, Written>;

/** What is kept of responses, and conversations of them. */
const responses = {
  getResponse: ['GET /v1/responses/{id}', 'A stored response, or one that runs in the background.'],
  deleteResponse: ['DELETE /v1/responses/{id}', 'Forget a stored response.'],
  cancelResponse: ['POST /v1/responses/{id}/cancel', 'Stop a response that runs in the background.'],
  listInputItems: ['GET /v1/responses/{id}/input_items', 'The items that a stored response was given.'],
  createConversation: ['POST /v1/conversations', 'Begin a conversation that responses can go on from.'],
  getConversation: ['GET /v1/conversations/{id}', 'A conversation.'],
  updateConversation: ['POST /v1/conversations/{id}', 'Describe a conversation anew.'],
  deleteConversation: ['DELETE /v1/conversations/{id}', 'Forget a conversation with all its items.'],
  listConversationItems: ['GET /v1/conversations/{id}/items', 'The items of a conversation.'],
  createConversationItems: ['POST /v1/conversations/{id}/items', 'Add items to a conversation.'],
  getConversationItem: ['GET /v1/conversations/{id}/items/{item}', 'An item of a conversation.'],
  deleteConversationItem: ['DELETE /v1/conversations/{id}/items/{item}', 'Forget an item of a conversation.'],
} as const satisfies Record<string, Written>;

const health = {
  getHealth: ['GET /healthz', 'Whether the process is alive.'],
  getReadiness: ['GET /readyz', 'Whether requests can be served; details with the admin key.'],
  getMetrics: ['GET /metrics', 'Metrics in the text format of Prometheus.'],
} as const satisfies Record<string, Written>;

/** The console and the reference in a browser. */
const pages = {
  getConsole: ['GET /ui', 'The console.'],
  getConsoleFile: ['GET /ui/{+file}', 'A file of the console, or one of its pages.'],
  getReference: ['GET /docs', 'The reference of the API.'],
  getReferenceFile: ['GET /docs/{+file}', 'A file of the reference.'],
} as const satisfies Record<string, Written>;

export const ADMIN_PREFIX = '/admin/v1';

/** Below `/admin/v1`. */
const admin = {
  createKey: ['POST /keys', 'Create a key. Its secret is in this answer and nowhere else.'],
  listKeys: ['GET /keys', 'List keys, newest first.'],
  getKey: ['GET /keys/{id}', 'Show a key.'],
  updateKey: ['PATCH /keys/{id}', 'Change a key: a JSON merge patch, in which null empties a field.'],
  revokeKey: ['DELETE /keys/{id}', 'Revoke a key, for good.'],
  rotateKey: [
    'POST /keys/{id}/rotate',
    'Give a key a new secret. The old one stops at once, or works on for `overlap`.',
  ],
  blockKey: ['POST /keys/{id}/block', 'Refuse a key until it is unblocked.'],
  unblockKey: ['POST /keys/{id}/unblock', 'Take a key again.'],
  createTeam: ['POST /teams', 'Create a team.'],
  listTeams: ['GET /teams', 'List teams, by name.'],
  getTeam: ['GET /teams/{id}', 'Show a team.'],
  listTeamMembers: ['GET /teams/{id}/members', 'List the users who have to do with a team by name, newest first.'],
  updateTeam: ['PATCH /teams/{id}', 'Change a team: a JSON merge patch, in which null empties a field.'],
  deleteTeam: ['DELETE /teams/{id}', 'Delete a team that has no keys.'],
  blockTeam: ['POST /teams/{id}/block', 'Refuse all keys of a team.'],
  unblockTeam: ['POST /teams/{id}/unblock', 'Take the keys of a team again.'],
  getLimits: [
    'GET /limits',
    'What limits have spent, held and left: of a key, a team, a model, a target, or an end user (`user`, of one key or team where `key` or `team` says which). Money is a decimal string.',
  ],
  openTarget: [
    'POST /targets/{id}/open',
    'Send nothing to a target until it is closed again. Of this gateway process.',
  ],
  closeTarget: [
    'POST /targets/{id}/close',
    'Send to a target again, whatever it did; its failures are forgotten. Of this gateway process.',
  ],
  listRoutes: [
    'GET /routes',
    'Classic routes and how their targets are: breaker, health, latency. Of this gateway process.',
  ],
  openRouteTarget: [
    'POST /routes/{route}/targets/{id}/open',
    'Send nothing of a route to a target until it is closed again. Of this gateway process.',
  ],
  closeRouteTarget: [
    'POST /routes/{route}/targets/{id}/close',
    'Send to a target of a route again; its failures are forgotten. Of this gateway process.',
  ],
  listUsage: ['GET /usage', 'Entries of the spend ledger, newest first.'],
  streamUsage: [
    'GET /usage/stream',
    'Entries of all gateways as they are written, as server-sent events; goes on from `Last-Event-ID`.',
  ],
  getContent: ['GET /usage/entries/{id}/content', 'What was captured of the request of an entry: prompt and answer.'],
  deleteEntryContent: ['DELETE /usage/entries/{id}/content', 'Delete what was captured of the request of an entry.'],
  exportContent: ['GET /content', 'Export what was captured, the oldest first: a line of JSON for each request.'],
  deleteContent: [
    'DELETE /content',
    'Delete what was captured of a key, a team, an end user or a request; of all of them that are named.',
  ],
  listAudit: ['GET /audit', 'Every write of the admin API, newest first.'],
  listModelStates: ['GET /models', 'The models that clients can ask for, and how their targets are.'],
  listProviders: ['GET /providers', 'The upstream accounts, and how their targets and credentials are.'],
  createProvider: ['POST /providers', 'Add a provider, on all gateways, beside those of the configuration file.'],
  getProvider: ['GET /providers/{id}', 'A provider as it is in force, secrets hidden.'],
  updateProvider: ['PATCH /providers/{id}', 'Change a provider that the API made: a JSON merge patch.'],
  deleteProvider: ['DELETE /providers/{id}', 'Remove a provider that the API made and that no model needs.'],
  testProvider: ['POST /providers/{id}/test', 'Ask a provider what costs nothing, to see whether it works.'],
  createModel: ['POST /models', 'Add a model, on all gateways, beside those of the configuration file.'],
  getModel: ['GET /models/{id}', 'A model as it is in force.'],
  updateModel: ['PATCH /models/{id}', 'Change a model that the API made: a JSON merge patch.'],
  deleteModel: ['DELETE /models/{id}', 'Remove a model that the API made.'],
  getCacheStats: ['GET /cache', 'What the cache of this gateway does.'],
  purgeCache: [
    'POST /cache/purge',
    'Make answers invalid at once: of a model, a team, a key, a tag, one entry, or all.',
  ],
  createWebhook: ['POST /webhooks', 'Create an endpoint. Its secret is in this answer and nowhere else.'],
  listWebhooks: ['GET /webhooks', 'List endpoints, newest first.'],
  getWebhook: ['GET /webhooks/{id}', 'Show an endpoint.'],
  updateWebhook: ['PATCH /webhooks/{id}', 'Change an endpoint, or enable it again: a JSON merge patch.'],
  deleteWebhook: ['DELETE /webhooks/{id}', 'Delete an endpoint with all its deliveries.'],
  rotateWebhook: [
    'POST /webhooks/{id}/rotate',
    'Give an endpoint a new secret. The old one signs as well for `overlap`, a day unless told.',
  ],
  testWebhook: [
    'POST /webhooks/{id}/test',
    'Send a `webhook.test` event. The answer names the delivery, which tells what became of it.',
  ],
  listDeliveries: [
    'GET /webhooks/deliveries',
    'Deliveries to all endpoints, newest first. Dead letters: `state=dead`.',
  ],
  getDelivery: ['GET /webhooks/deliveries/{delivery}', 'Show a delivery with its attempts and its body.'],
  redeliver: [
    'POST /webhooks/deliveries/{delivery}/redeliver',
    'Send a delivery again, whatever became of it, under the same `webhook-id`.',
  ],
  listWebhookDeliveries: ['GET /webhooks/{id}/deliveries', 'Deliveries to an endpoint, newest first.'],
  getWebhookDelivery: [
    'GET /webhooks/{id}/deliveries/{delivery}',
    'Show a delivery to an endpoint with its attempts and its body.',
  ],
  redeliverToWebhook: [
    'POST /webhooks/{id}/deliveries/{delivery}/redeliver',
    'Send a delivery to an endpoint again, whatever became of it, under the same `webhook-id`.',
  ],
  getConfig: ['GET /config', 'The running configuration, secrets hidden.'],
  getConfigStatus: ['GET /config/status', 'Where the running configuration comes from, and the last reload.'],
  listWorkers: ['GET /workers', 'The processes of this gateway, and how they are.'],
  validateConfig: [
    'POST /config/validate',
    'Judge a draft of the configuration file as a start would, and name what it would change. Nothing is changed.',
  ],
  reloadConfig: [
    'POST /config/reload',
    'Read the configuration again and take it in, or say what is wrong with it and change nothing.',
  ],
  listGuardrails: ['GET /guardrails', 'The guards of the configuration, and what they have done.'],
  explainRequest: ['POST /explain', 'What would happen to a request with a key, without sending it.'],
  getSpendReport: [
    'GET /reports/spend',
    'Spend of a period, by anything that entries have; as JSON, CSV, Parquet or FOCUS 1.2.',
  ],
  getRefusalReport: [
    'GET /reports/refusals',
    'How many requests all gateways refused, of whom and why; kept for 90 days.',
  ],
  getPerformanceReport: [
    'GET /reports/performance',
    'How fast targets answered and what became of attempts, on all gateways.',
  ],
  getPricing: ['GET /pricing', 'The prices in force, where each comes from and from when on, and the overrides.'],
  updateCatalogue: [
    'POST /pricing/catalogue',
    'Take a newer catalogue of list prices, on all gateways; its SHA-256 is in the audit log.',
  ],
  resetCatalogue: [
    'DELETE /pricing/catalogue',
    'Go back to the catalogue of list prices that this version ships with.',
  ],
  verifyLedger: [
    'POST /ledger/verify',
    'Compare the sums of spend with the ledger; with `repair`, sum up anew what differs.',
  ],
  enterOpenings: [
    'POST /ledger/openings',
    'Enter what keys and teams spent before they came here, so that their budgets begin with it. What was entered before is left alone.',
  ],
  repriceLedger: [
    'POST /ledger/reprice',
    'Bill the ledger anew with the prices now known; differences become correcting entries.',
  ],
  createUser: ['POST /users', 'Create a user of the admin API and the console.'],
  listUsers: ['GET /users', 'List users, newest first.'],
  getUser: ['GET /users/{id}', 'Show a user.'],
  updateUser: ['PATCH /users/{id}', 'Change a user. A new role or other teams end all sessions of the user.'],
  deleteUser: ['DELETE /users/{id}', 'Delete a user with all tokens and sessions.'],
  blockUser: ['POST /users/{id}/block', 'Refuse a user, and all tokens of the user, until unblocked.'],
  unblockUser: ['POST /users/{id}/unblock', 'Take a user again.'],
  setUserPassword: ['POST /users/{id}/password', 'Give a user a password, or none. All sessions of the user end.'],
  signOutUser: ['POST /users/{id}/sign-out', 'End all sessions of a user.'],
  createToken: ['POST /tokens', 'Create a token for scripts. It is in this answer and nowhere else.'],
  listTokens: ['GET /tokens', "List tokens, newest first: one's own; admins and viewers see all."],
  deleteSession: ['DELETE /session', 'Sign out: end the session that the cookie is of.'],
  changePassword: ['POST /session/password', 'Change your own password. Your other sessions end.'],
  revokeToken: ['DELETE /tokens/{id}', 'Revoke a token, for good, with all that were made with it.'],
} as const satisfies Record<string, Written>;

/** Below `/admin/v1` too, and open. */
const description = {
  getOpenApi: ['GET /openapi.json', 'This document.'],
  getSession: ['GET /session', 'Who has signed in in this browser, and which ways there are to sign in.'],
  createSession: [
    'POST /session',
    'Sign in with the admin key, or with an address and a password: the answer sets a cookie.',
  ],
  beginOidc: ['GET /session/oidc', 'Sign in by OIDC: leads the browser to the issuer.'],
  endOidc: ['GET /session/oidc/callback', 'Where the issuer leads the browser back to, with a session.'],
} as const satisfies Record<string, Written>;

export type CallOperation = keyof typeof calls;
export type OpenOperation = keyof typeof description;
export type AdminOperation = keyof typeof admin | OpenOperation;
export type OperationId =
  | CallOperation
  | keyof typeof counts
  | keyof typeof models
  | keyof typeof responses
  | keyof typeof health
  | keyof typeof pages
  | AdminOperation;

const rowsOf = <Id extends OperationId>(
  written: Readonly<Record<Id, Written>>,
  facts: Pick<Row, 'access' | 'dialect'>,
  prefix = '',
): Row[] =>
  (Object.entries(written) as [Id, Written][]).map(([operationId, [address, summary]]) => {
    const [method, path] = address.split(' ') as [Method, string];
    const format = (spoken as Partial<Record<OperationId, FormatId>>)[operationId];
    return { operationId, method, path: prefix + path, ...facts, summary, ...(format && { format }) };
  });

const keyed = { access: 'key', dialect: 'openai-chat' } as const;
/** An address that has a wire format of its own writes its errors in it. */
const inOwnDialect = (row: Row): Row => {
  if (row.path.startsWith('/v1beta/')) return { ...row, dialect: 'google-rpc' };
  return row.path.startsWith('/v1/messages') ? { ...row, dialect: 'anthropic-messages' } : row;
};

export const dataRows: readonly Row[] = [
  ...rowsOf(calls, keyed),
  ...rowsOf(counts, keyed),
  ...rowsOf(models, keyed),
  ...rowsOf(responses, keyed),
].map(inOwnDialect);
export const healthRows: readonly Row[] = rowsOf(health, { access: 'public', dialect: 'problem' });
export const consoleRows: readonly Row[] = rowsOf(pages, { access: 'public', dialect: 'problem' });
export const adminRows: readonly Row[] = [
  ...rowsOf(admin, { access: 'admin', dialect: 'problem' }, ADMIN_PREFIX),
  ...rowsOf(description, { access: 'public', dialect: 'problem' }, ADMIN_PREFIX),
];
/** Every address that has a handler. */
export const rows: readonly Row[] = [...dataRows, ...healthRows, ...consoleRows, ...adminRows];
const byOperation = new Map(rows.map((row) => [row.operationId, row]));
export const rowOf = (operationId: OperationId): Row => byOperation.get(operationId)!;
