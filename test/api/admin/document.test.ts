/** The OpenAPI document by itself: what it says of each operation, and whether a linter takes it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { packageRoot } from '../../../src/lib/root.js';
import { adminServer } from './server.js';

interface Schema {
  readonly [keyword: string]: unknown;
}
interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Schema[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
  readonly responses: Record<string, { description: string; content?: Record<string, { readonly schema: Schema }> }>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
}

let document: Document;
before(async () => {
  const server = await adminServer();
  document = (await server.call('GET', '/openapi.json', undefined, { authorization: '' })).body;
  await server.close();
});

test('it is written once, and given compressed to who takes that', async () => {
  const server = await adminServer();
  after(() => server.close());
  const ask = (encoding: string) =>
    fetch(`${server.url}/admin/v1/openapi.json`, { headers: { 'accept-encoding': encoding } });
  for (const encoding of ['identity', 'br']) {
    const response = await ask(encoding);
    assert.equal(response.headers.get('content-encoding'), encoding === 'br' ? 'br' : null);
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
    assert.equal(response.headers.get('vary'), 'accept-encoding');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.deepEqual(await response.json(), document);
  }
  const lengthOf = async (encoding: string) => Number((await ask(encoding)).headers.get('content-length'));
  assert.ok((await lengthOf('br')) * 5 < (await lengthOf('identity')));
});

/** Fields without a description in a schema that is written at `at`. */
function undescribed(schema: unknown, at: string): string[] {
  if (Array.isArray(schema)) return schema.flatMap((one) => undescribed(one, at));
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema as Schema).flatMap(([keyword, value]) => {
    if (keyword !== 'properties') return undescribed(value, at);
    return Object.entries(value as Record<string, Schema>).flatMap(([name, field]) => [
      ...(typeof field['description'] === 'string' ? [] : [`${at}.${name}`]),
      ...undescribed(field, `${at}.${name}`),
    ]);
  });
}

describe('the OpenAPI document', () => {
  const operations = () => Object.values(document.paths).flatMap((methods) => Object.values(methods));

  test('names every operation once, and says what it is about and how it is refused', () => {
    const ids = operations().map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    const told = new Map(document.tags.map(({ name, description }) => [name, description]));
    for (const { operationId, summary, tags, responses } of operations()) {
      assert.ok(operationId && summary, operationId);
      assert.equal(tags?.length, 1, operationId);
      assert.ok(told.get(tags[0]!), `the tag ${tags[0]} has no description in src/api/document-words.ts`);
      assert.ok(
        Object.keys(responses).some((status) => /^4/.test(status)),
        operationId,
      );
    }
  });

  test('describes every parameter and every field', () => {
    const missing = [
      ...Object.entries(document.components.schemas).flatMap(([name, schema]) => undescribed(schema, name)),
      ...operations().flatMap(({ operationId, parameters = [], requestBody, responses }) => [
        ...parameters
          .filter((one) => one['$ref'] === undefined && typeof one['description'] !== 'string')
          .map((one) => `${operationId}: ${String(one['name'])}`),
        ...undescribed(requestBody?.content, operationId),
        ...undescribed(Object.values(responses), operationId),
      ]),
    ];
    assert.deepEqual(missing, [], 'describe them with .describe(), or in src/api/document-words.ts');
  });

  test('has bodies and answers under names, so that a generated client has types for them', () => {
    for (const { operationId, requestBody, responses } of operations()) {
      if (operationId === 'getOpenApi' || operationId === 'getConfig') continue;
      const schemas = [requestBody?.content, ...Object.values(responses).map(({ content }) => content)].flatMap(
        (content) => Object.entries(content ?? {}).flatMap(([type, { schema }]) => (/json/.test(type) ? [schema] : [])),
      );
      for (const schema of schemas) {
        const named = JSON.stringify(schema).includes('"#/components/schemas/') || schema['type'] === 'null';
        assert.ok(named, `${operationId}: ${JSON.stringify(schema).slice(0, 200)}`);
      }
    }
  });

  test('is clean for redocly lint', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-openapi-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'openapi.json');
    await writeFile(file, JSON.stringify(document));
    const { stdout } = await promisify(execFile)(
      join(packageRoot, 'node_modules/.bin/redocly'),
      ['lint', file, '--config', join(packageRoot, 'redocly.yaml'), '--format', 'json'],
      { env: { ...process.env, REDOCLY_TELEMETRY: 'off' }, maxBuffer: 64 * 1024 * 1024 },
    );
    const { totals, problems } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
      totals: { errors: number; warnings: number };
      problems: readonly { message: string }[];
    };
    assert.deepEqual([totals.errors, totals.warnings], [0, 0], problems.map(({ message }) => message).join('\n'));
  });
});
