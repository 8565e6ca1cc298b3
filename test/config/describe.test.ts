/** A shown configuration has no secret: each place of the schema that takes one is planted with a text that must not come back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { describeConfig } from '../../src/config/describe.js';
import { explainConfig } from '../../src/config/explain.js';
import { configJsonSchema } from '../../src/config/json-schema.js';
import { loadConfig } from '../../src/config/load.js';
import { settingNames } from '../../src/lib/provider-settings.js';
import { folder, providerTypes } from './support.js';

const MARK = 'hush';
const long = (name: string) => `${MARK}-${name}-that-is-of-forty-characters-and-more`;
/** A signing secret is base64: `hush` can stand in it. */
const signing = `whsec_${MARK}${'A'.repeat(40)}`;

const planted = `
admin: { key: ${long('admin')}, oidc: { issuer: "https://idp.example", client_id: c, client_secret: ${long('oidc')}, roles: { a: admin } } }
auth: { jwt: { issuer: "https://idp.example", audience: a, algorithms: [HS256], secret: ${long('jwt')} } }
database: { url: "postgres://u:${MARK}@db/t?sslpassword=${MARK}" }
redis: { url: "redis://:${MARK}@r" }
reports:
  - { name: r, every: day, format: json, to: { webhook: { url: "https://in.example/${MARK}", secret: ${signing} } } }
providers:
  one: { type: all, api_key: ${long('key')}, base_url: "https://api.example/v1", proxy: "http://u:${MARK}@proxy:3128", headers: { x-a: ${MARK} } }
  many: { type: all, api_keys: [${long('first')}, ${long('second')}] }
  cloud: { type: all, client_secret: ${long('client')}, secret_access_key: ${MARK}Aa, session_token: ${MARK}Bb }
cache: { secret: ${long('cache')} }
guardrails:
  g: { kind: webhook, url: "https://guard.example/${MARK}?k=${MARK}", secret: ${signing} }
webhooks:
  - { url: "https://hooks.example/${MARK}", events: ["*"], secret: ${signing}, previous_secret: whsec_${MARK}${'B'.repeat(40)} }
  - { name: named, url: "https://hooks.example/${MARK}/2?q=${MARK}", events: ["*"], secret: ${signing} }
secrets_key: ${long('secrets')}
telemetry: { traces: { otlp: "http://collector:4318", headers: { authorization: "Bearer ${MARK}" } } }
routes:
  - name: all
    match: { path: /a, headers: { x-m: ${MARK} } }
    auth:
      jwt: { issuer: "https://idp.example", audience: a, algorithms: [HS256], secret: ${long('route')} }
      introspection: { url: "https://idp.example/in", client_id: c, client_secret: ${MARK} }
      basic: { users: { anna: ${MARK} } }
    upstream: { targets: [{ url: "http://10.0.0.5" }] }
    request: { headers: { set: { a: ${MARK} }, add: { b: ${MARK} } }, query: { set: { a: ${MARK} }, add: { b: ${MARK} } }, body: { set: { a: ${MARK} } } }
    response:
      headers: { set: { a: ${MARK} }, add: { b: ${MARK} } }
      body: { set: { a: ${MARK} } }
      when: [{ has: { x: ${MARK} }, headers: { set: { a: ${MARK} }, add: { b: ${MARK} } }, body: { set: { a: ${MARK} } } }]
      errors: { 404: { body: ${MARK} } }
  - { name: own, match: { path: /b }, respond: { status: 200, headers: { a: ${MARK} }, body: ${MARK} } }
`;

const all = { needsBaseUrl: false, settings: Object.fromEntries(settingNames.map((name) => [name, {}])) };

type Schema = Readonly<Record<string, unknown>>;
const objects = (value: unknown): readonly Schema[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : [];
const members = (value: unknown): readonly [string, Schema][] =>
  typeof value === 'object' && value !== null ? (Object.entries(value) as [string, Schema][]) : [];

/** A text, or a file that holds it. */
const isSecret = (schema: Schema): boolean =>
  objects(schema['anyOf']).some(
    ({ properties }) =>
      members(properties)
        .map(([name]) => name)
        .join() === 'file',
  );

/** Maps whose values are sent somewhere, or compared with what came. */
const VALUES = /(^|\.)(headers|set|add|has)$/;

/** Every place of the schema that takes a secret, as `providers.*.api_key`. */
function secretPlaces(root: Schema): ReadonlySet<string> {
  const found = new Set<string>();
  const walk = (schema: Schema, path: readonly string[]): void => {
    if (path.length > 20) return;
    const reference = schema['$ref'];
    if (typeof reference === 'string') {
      const name = reference.split('/').at(-1)!;
      // A JSON value is a schema of itself.
      const target = (root['$defs'] as Record<string, Schema>)[name]!;
      if (!JSON.stringify(target).includes(reference)) walk(target, path);
      return;
    }
    const more = schema['additionalProperties'];
    const isMap = typeof more === 'object' && more !== null;
    if (isSecret(schema)) found.add(path.join('.'));
    else if (isMap && VALUES.test(path.join('.'))) found.add([...path, '*'].join('.'));
    else {
      for (const key of ['anyOf', 'oneOf', 'allOf']) for (const one of objects(schema[key])) walk(one, path);
      for (const [name, inner] of members(schema['properties'])) walk(inner, [...path, name]);
      if (typeof schema['items'] === 'object') walk(schema['items'] as Schema, [...path, '*']);
      if (isMap) walk(more as Schema, [...path, '*']);
    }
  };
  walk(root, []);
  return found;
}

/** Whether something marked stands at a place. */
function isPlanted(value: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return JSON.stringify(value ?? null).includes(MARK);
  if (typeof value !== 'object' || value === null) return false;
  if (name === '*') return Object.values(value).some((inner) => isPlanted(inner, rest));
  return isPlanted((value as Schema)[name], rest);
}

test('nothing that can be a secret is shown, wherever the schema takes one', (t) => {
  const places = [...secretPlaces(configJsonSchema())].filter((place) => !place.includes('.validate.'));
  assert.ok(places.length > 25 && places.includes('telemetry.traces.headers.*'), places.join('\n'));
  const written = parse(planted);
  const bare = places.filter((place) => !isPlanted(written, place.split('.')));
  assert.deepEqual(bare, [], 'a new place for a secret: plant it above, and hide it in describe.ts');

  const cwd = folder(t, { 'config.yaml': planted });
  const loaded = loadConfig({ env: {}, cwd, providerTypes: { ...providerTypes, all } });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const shown = describeConfig(loaded.config);
  assert.doesNotMatch(JSON.stringify(shown, null, 1), /.*hush.*/);
  assert.doesNotMatch(explainConfig(loaded.config).join('\n'), /.*hush.*/);
  assert.deepEqual(Object.keys(shown).sort(), Object.keys(loaded.config).sort(), 'every section is there');
});

test('of receivers the origin is shown, as in the list of webhooks, and of guards and traces what is no secret', (t) => {
  const cwd = folder(t, { 'config.yaml': planted });
  const loaded = loadConfig({ env: {}, cwd, providerTypes: { ...providerTypes, all } });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { webhooks, guardrails, telemetry } = describeConfig(loaded.config);
  assert.deepEqual(
    webhooks.map(({ name, url }) => [name, url]),
    [
      [null, 'https://hooks.example/(hidden)'],
      ['named', 'https://hooks.example/(hidden)'],
    ],
  );
  const { kind, url, secret } = guardrails['g'] as Record<string, unknown>;
  assert.deepEqual([kind, url, secret], ['webhook', 'https://guard.example/(hidden)', '(hidden)']);
  assert.deepEqual(telemetry.traces.headers, { authorization: '(hidden)' });
  assert.equal(telemetry.traces.otlp, 'http://collector:4318');
});
