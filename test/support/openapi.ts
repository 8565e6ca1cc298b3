/** Calls operations by the names that the gateway's OpenAPI document gives them, and holds each answer to what the document says. */
import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>;
}

export interface Asked {
  /** Of path and query. */
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** 200 unless stated. */
  readonly status?: number;
}

export interface DocumentedApi {
  /** Every operation of the document. */
  readonly operations: readonly string[];
  /** Those that were called, and answered well. */
  readonly answered: ReadonlySet<string>;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads out of an answer it states by reading it
  call(operationId: string, asked?: Asked): Promise<any>;
}

const escaped = (part: string): string => part.replaceAll('~', '~0').replaceAll('/', '~1');

export async function documentedApi(
  url: string,
  keys: { readonly admin: string; readonly key: string },
): Promise<DocumentedApi> {
  const document = (await (await fetch(`${url}/admin/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema(document, 'openapi.json');
  const places = new Map(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, operation]) => [operation.operationId, { path, method, operation }] as const,
      ),
    ),
  );
  const answered = new Set<string>();
  return {
    operations: [...places.keys()],
    answered,
    async call(operationId, { path: given = {}, query = {}, body, status = 200 } = {}) {
      const { path, method, operation } = places.get(operationId) ?? assert.fail(`there is no ${operationId}`);
      const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(given[name]!));
      const search = new URLSearchParams(query).toString();
      const response = await fetch(`${url}${filled}${search && `?${search}`}`, {
        method: method.toUpperCase(),
        headers: {
          authorization: `Bearer ${path.startsWith('/admin') ? keys.admin : keys.key}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      assert.equal(response.status, status, `${operationId} answered ${response.status}: ${text.slice(0, 500)}`);
      const known = [String(status), `${String(status)[0]}XX`].find((one) => operation.responses[one] !== undefined);
      assert.ok(known, `${operationId} tells of no ${status}`);
      const type = (response.headers.get('content-type') ?? '').split(';')[0]!;
      const content = operation.responses[known]!.content ?? {};
      assert.ok(text === '' || content[type], `${operationId} tells of no ${type}`);
      if (status < 400) answered.add(operationId);
      if (!type.includes('json')) return text;
      const at = ['paths', path, method, 'responses', known, 'content', type, 'schema'].map(escaped);
      const holds = ajv.compile({ $ref: `openapi.json#/${at.map(encodeURIComponent).join('/')}` });
      const answer = JSON.parse(text) as unknown;
      if (!holds(answer)) assert.fail(`${operationId}: ${ajv.errorsText(holds.errors)}\n${text.slice(0, 1000)}`);
      return answer;
    },
  };
}
