/** A gateway with something on every page of the console. */
import type { Gateway } from '../support/gateway.js';

/** Every page: its address below `/ui/`, and its title. */
export const pages = [
  ['', 'Spend'],
  ['requests', 'Requests'],
  ['keys', 'Keys'],
  ['teams', 'Teams'],
  ['models', 'Models'],
  ['playground', 'Playground'],
  ['refused', 'Refused'],
  ['explain', 'Explain'],
  ['cache', 'Cache'],
  ['guardrails', 'Guardrails'],
  ['limits', 'Limits'],
  ['reports', 'Reports'],
  ['webhooks', 'Webhooks'],
  ['routes', 'Routes'],
  ['config', 'Configuration'],
  ['audit', 'Audit'],
  ['users', 'Users'],
  ['account', 'Account'],
] as const;

export const consoleConfig = {
  capture: { content: 'on' },
  guardrails: { mask: { kind: 'pii', action: 'redact' } },
  defaults: { guards: ['mask'] },
  providers: {
    sandbox: { type: 'sandbox' },
    away: { type: 'openai-compatible', base_url: 'http://127.0.0.1:9/v1', api_key: 'none' },
  },
  models: {
    sandbox: {
      targets: [{ provider: 'sandbox', model: 'sandbox' }],
      price: { input: 1, output: 1 },
      cache: { exact: true, share: 'team' },
    },
    flaky: {
      targets: [
        { provider: 'away', model: 'm' },
        { provider: 'sandbox', model: 'sandbox', priority: 2 },
      ],
      price: { input: 1, output: 1 },
    },
  },
  routes: [
    {
      name: 'orders',
      match: { path: '/api/orders/*' },
      upstream: { targets: [{ url: 'http://127.0.0.1:9' }] },
      breaker: { failure_rate: 0.5 },
      auth: { none: {} },
    },
  ],
  reports: [{ name: 'daily-spend', every: 'day', group_by: ['team'], to: { folder: './reports' } }],
  webhooks: [
    {
      url: 'http://127.0.0.1:9/hook',
      events: ['*'],
      secret: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz',
      allow_private: true,
    },
  ],
};

/** Teams, keys, answers, failures, hits, refusals and a delivery. */
export async function fill(gateway: Gateway): Promise<void> {
  const messages = [{ role: 'user', content: 'Hello' }];
  const search = await gateway.key({
    ...{ name: 'search-prod', team: 'search', tags: ['prod'] },
    limits: [
      { unit: 'usd', max: 20, per: 'month' },
      { unit: 'requests', max: 600, per: 'minute' },
    ],
  });
  const ads = await gateway.key({
    name: 'ads-batch',
    team: 'ads',
    limits: [{ unit: 'usd', max: 0.000000001, per: 'day' }],
  });
  await gateway.admin('PATCH', '/teams/search', { limits: [{ unit: 'usd', max: 50, per: 'month' }] });
  for (let i = 0; i < 6; i++) {
    const content = i % 3 === 0 ? 'The same' : `Question ${i}`;
    await (await gateway.chat(search.key, { model: 'sandbox', messages: [{ role: 'user', content }] })).arrayBuffer();
  }
  const failing = { model: 'flaky', messages };
  await (await gateway.chat(search.key, failing, { headers: { 'x-request-id': 'first-failed' } })).arrayBuffer();
  for (let i = 0; i < 3; i++) await (await gateway.chat(ads.key, { model: 'sandbox', messages })).arrayBuffer();
  await (await gateway.chat('sk-tg-nobody', { model: 'sandbox', messages })).arrayBuffer();
  const { data } = await gateway.admin<{ data: { id: string }[] }>('GET', '/webhooks');
  await gateway.admin('POST', `/webhooks/${data[0]!.id}/test`);
}
