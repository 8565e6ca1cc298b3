/** Real answers of every operation, the data plane's too, are as the OpenAPI document says. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type DocumentedApi, documentedApi } from '../support/openapi.js';
import { type Receiver, startReceiver } from '../support/receiver.js';

let gateway: Gateway;
let receiver: Receiver;
let api: DocumentedApi;
const price = { input: 1, output: 1 };
const messages = [{ role: 'user', content: 'Hello' }];
const contents = [{ role: 'user', parts: [{ text: 'Hello' }] }];

before(async () => {
  receiver = await startReceiver();
  gateway = await startGateway({
    config: {
      providers: { sandbox: { type: 'sandbox' } },
      models: {
        sandbox: {
          targets: [{ provider: 'sandbox', model: 'sandbox' }],
          price,
          limits: [{ unit: 'requests', max: 1000, per: 'minute' }],
          retry: { max_attempts: 2, budget: { share: 0.2, floor: 10, window: '10s' } },
        },
        auto: { route: [{ when: { has: ['image'] }, use: 'sandbox' }, { use: 'sandbox' }] },
      },
      webhook_delivery: { allow_private: true },
      routes: [
        {
          name: 'orders',
          match: { path: '/api/*', methods: ['GET'] },
          upstream: { targets: [{ url: receiver.url }] },
          auth: { none: {} },
          breaker: { failure_rate: 0.5, min_requests: 20, window: '10s', open: '30s', half_open_probes: 3 },
        },
      ],
    },
  });
  const { key } = await gateway.key({
    ...{
      name: 'all',
      team: 'search',
      capture: 'on',
      tags: ['prod'],
      metadata: { a: 1 },
      expires_at: '2099-01-01T00:00:00Z',
    },
    limits: [
      { unit: 'usd', max: 5, per: 'month', warn_at: [0.5] },
      { unit: 'requests', max: 1000, per: 'minute', model: 'sand*' },
    ],
  });
  api = await documentedApi(gateway.url, { admin: gateway.adminKey, key });
});
after(async () => {
  await gateway?.close();
  await receiver?.close();
});

describe('answers are as the OpenAPI document says', () => {
  it('of the data plane', async () => {
    await api.call('createChatCompletion', { body: { model: 'sandbox', messages } });
    await api.call('createChatCompletion', { body: { model: 'sandbox', messages, stream: true } });
    await api.call('createChatCompletion', { body: { model: 'none', messages }, status: 404 });
    await api.call('createMessage', { body: { model: 'sandbox', max_tokens: 10, messages } });
    await api.call('createMessage', { body: { model: 'sandbox', messages }, status: 400 });
    await api.call('countMessageTokens', { body: { model: 'sandbox', messages } });
    await api.call('createCompletion', { body: { model: 'sandbox', prompt: 'Hello' } });
    await api.call('createEmbedding', { body: { model: 'sandbox', input: 'Hello' } });
    const { id } = await api.call('createResponse', { body: { model: 'sandbox', input: 'Hello' } });
    await api.call('getResponse', { path: { id } });
    await api.call('listInputItems', { path: { id }, query: { limit: '1', order: 'asc' } });
    const run = await api.call('createResponse', { body: { model: 'sandbox', input: 'Hello', background: true } });
    await api.call('cancelResponse', { path: { id: run.id } });
    await api.call('deleteResponse', { path: { id } });
    const items = [{ type: 'message', role: 'user', content: 'Hello' }];
    const { id: conversation } = await api.call('createConversation', { body: { metadata: { a: 'b' }, items } });
    const path = { id: conversation };
    const added = await api.call('createConversationItems', { path, body: { items } });
    await api.call('createConversationItems', { path, body: { items: [] }, status: 400 });
    await api.call('listConversationItems', { path, query: { limit: '1', order: 'asc' } });
    const item = { ...path, item: added.data[0].id };
    for (const operation of ['getConversationItem', 'deleteConversationItem'])
      await api.call(operation, { path: item });
    await api.call('updateConversation', { path, body: { metadata: null } });
    for (const operation of ['getConversation', 'deleteConversation']) await api.call(operation, { path });
    const model = { model: 'sandbox' };
    await api.call('generateContent', { path: model, body: { contents } });
    await api.call('streamGenerateContent', { path: model, body: { contents } });
    await api.call('streamGenerateContent', { path: model, query: { alt: 'sse' }, body: { contents } });
    await api.call('countContentTokens', { path: model, body: { contents } });
    await api.call('generateContent', { path: { model: 'none' }, body: { contents }, status: 404 });
    const embed = { content: { parts: [{ text: 'Hello' }] } };
    await api.call('embedContent', { path: model, body: embed });
    await api.call('batchEmbedContents', {
      ...{ path: model, body: { requests: [{ model: 'models/sandbox', ...embed }] } },
    });
    await api.call('createDeploymentChatCompletion', { path: model, body: { messages } });
    await api.call('createDeploymentCompletion', { path: model, body: { prompt: 'Hello' } });
    await api.call('createDeploymentEmbedding', { path: model, body: { input: 'Hello' } });
    await api.call('getOwnKey');
    await api.call('listModels');
    await api.call('retrieveModel', { path: { id: 'sandbox' } });
    await api.call('listGoogleModels');
    await api.call('retrieveGoogleModel', { path: { id: 'sandbox' } });
    for (const operation of ['getHealth', 'getReadiness', 'getMetrics', 'getOpenApi']) await api.call(operation);
  });

  it('of keys, teams and limits', async () => {
    const made = await api.call('createKey', { body: { name: 'second', team: 'search' }, status: 201 });
    const path = { id: made.id };
    await api.call('createKey', { body: { nam: 'x' }, status: 400 });
    for (const operation of ['getKey', 'blockKey', 'unblockKey', 'rotateKey']) await api.call(operation, { path });
    await api.call('updateKey', { path, body: { tags: ['x'], user_limits: [{ unit: 'tokens', max: 5, per: 'day' }] } });
    await api.call('revokeKey', { path });
    await api.call('listKeys', { query: { include_revoked: 'true', limit: '10' } });
    await api.call('createTeam', { body: { name: 'ads', markup: 1.2, aliases: { a: 'sandbox' } }, status: 201 });
    await api.call('createKey', { body: [{ name: 'a' }, { name: 'b' }], status: 201 });
    await api.call('createTeam', { body: { data: [{ name: 'c' }] }, status: 201 });
    await api.call('getLimits', { query: { of: 'teams' } });
    const team = { id: 'ads' };
    await api.call('updateTeam', { path: team, body: { limits: [{ unit: 'usd', max: '5.5', per: 'day' }] } });
    for (const operation of ['getTeam', 'listTeamMembers', 'blockTeam', 'unblockTeam'])
      await api.call(operation, { path: team });
    await api.call('listTeams');
    await api.call('getLimits', { query: { team: 'ads' } });
    await api.call('getLimits', { query: { model: 'sandbox' } });
    await api.call('getLimits', { query: { team: 'nobody' }, status: 404 });
    await api.call('deleteTeam', { path: team });
  });

  it('of models, targets, routes, the cache and the configuration', async () => {
    await api.call('listModelStates');
    await api.call('listProviders');
    for (const operation of ['openTarget', 'closeTarget'])
      await api.call(operation, { path: { id: 'sandbox/sandbox' } });
    await api.call('createProvider', { body: { name: 'more', type: 'sandbox' }, status: 201 });
    await api.call('createModel', {
      ...{ body: { name: 'm/1', targets: [{ provider: 'more', model: 'x' }], price }, status: 201 },
    });
    await api.call('createProvider', { body: { name: 'sandbox', type: 'sandbox' }, status: 409 });
    for (const operation of ['getProvider', 'testProvider']) await api.call(operation, { path: { id: 'more' } });
    await api.call('updateProvider', { path: { id: 'more' }, body: { headers: {} } });
    await api.call('getModel', { path: { id: 'm/1' } });
    await api.call('updateModel', { path: { id: 'm/1' }, body: { balance: 'round_robin' } });
    await api.call('deleteModel', { path: { id: 'm/1' } });
    await api.call('deleteProvider', { path: { id: 'more' } });
    await api.call('listRoutes');
    const path = { route: 'orders', id: receiver.url };
    for (const operation of ['openRouteTarget', 'closeRouteTarget']) await api.call(operation, { path });
    await api.call('getCacheStats');
    await api.call('purgeCache', { body: { model: 'sandbox' } });
    await api.call('validateConfig', { body: { config: 'server: { port: x }' } });
    await api.call('reloadConfig');
    for (const operation of ['getConfig', 'getConfigStatus', 'listWorkers']) await api.call(operation);
    const { id: key } = (await api.call('listKeys')).data[0];
    await api.call('listGuardrails');
    await api.call('explainRequest', { body: { key, request: { model: 'auto', messages } } });
    await api.call('explainRequest', { body: { key, request: { model: 'none', messages } } });
  });

  it('of usage, reports, prices and the audit log', async () => {
    await api.call('listUsage', { query: { limit: '5' } });
    const { data } = await api.call('listUsage');
    const path = { id: data.at(-1).id };
    await api.call('getContent', { path });
    await api.call('exportContent', { query: { request_id: data.at(-1).request_id } });
    await api.call('deleteEntryContent', { path });
    await api.call('getContent', { path, status: 404 });
    await api.call('deleteContent', { query: { user: 'nobody' } });
    await api.call('getSpendReport', { query: { group_by: 'team,model' } });
    await api.call('getRefusalReport', { query: { group_by: 'day,key,reason' } });
    await api.call('getPerformanceReport', { query: { group_by: 'hour,target' } });
    await api.call('getPricing');
    const of = { date: '2099-01-01', providers: [] };
    const given = { catalogue: JSON.stringify(of), date: '2099-01-01', force: true };
    await api.call('updateCatalogue', { body: { ...given, catalogue: 'nothing' }, status: 400 });
    await api.call('resetCatalogue');
    await api.call('verifyLedger');
    await api.call('repriceLedger', { body: { from: '2026-01-01T00:00:00Z', dry_run: true } });
    await api.call('enterOpenings', { body: { source: 'litellm', data: [{ team: 'from-elsewhere', usd: '1.50' }] } });
    await api.call('listAudit', { query: { limit: '5' } });
  });

  it('of webhooks', async () => {
    const made = await api.call('createWebhook', {
      body: { url: 'https://example.com/x', events: ['key.*'] },
      status: 201,
    });
    const path = { id: made.id };
    for (const operation of ['getWebhook', 'rotateWebhook']) await api.call(operation, { path });
    const { id: delivery } = await api.call('testWebhook', { path, status: 202 });
    await api.call('updateWebhook', { path, body: { description: 'x', disabled: true } });
    await api.call('listWebhooks');
    await api.call('listDeliveries');
    await api.call('listWebhookDeliveries', { path });
    await api.call('getDelivery', { path: { delivery } });
    await api.call('getWebhookDelivery', { path: { ...path, delivery } });
    await api.call('updateWebhook', { path, body: { disabled: false } });
    await api.call('redeliver', { path: { delivery }, status: 202 });
    await api.call('redeliverToWebhook', { path: { ...path, delivery }, status: 202 });
    await api.call('deleteWebhook', { path });
  });

  it('of users and tokens', async () => {
    const made = await api.call('createUser', { body: { email: 'ada@example.com', role: 'viewer' }, status: 201 });
    await api.call('createUser', { body: { email: 'ada', role: 'viewer' }, status: 400 });
    const path = { id: made.id };
    for (const operation of ['getUser', 'blockUser', 'unblockUser', 'signOutUser']) await api.call(operation, { path });
    await api.call('updateUser', { path, body: { name: 'Ada' } });
    await api.call('setUserPassword', { path, body: { password: 'correct horse battery' } });
    await api.call('listUsers', { query: { role: 'viewer' } });
    const token = await api.call('createToken', { body: { name: 'reports', user: made.id }, status: 201 });
    await api.call('listTokens');
    await api.call('revokeToken', { path: { id: token.id } });
    await api.call('deleteUser', { path });
    await api.call('getSession');
    await api.call('createSession', { body: { admin_key: gateway.adminKey } });
    await api.call('createSession', { body: {}, status: 400 });
    await api.call('deleteSession');
  });

  it('of every operation that there is', () => {
    // A whole catalogue is taken in by the tests of prices, a password is changed by those of signing in, a stream does not end.
    const apart = new Set(['updateCatalogue', 'changePassword', 'streamUsage']);
    assert.deepEqual(
      api.operations.filter((operation) => !api.answered.has(operation) && !apart.has(operation)),
      [],
    );
  });
});
