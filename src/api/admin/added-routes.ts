/**
 * Providers and models that are made, changed and removed by the API: `/admin/v1/providers` and `/admin/v1/models`. What may be said
 * of one is what the configuration file may say, with the same words where it is wrong. No answer, log or line of the audit log has
 * a credential: the audit log has the names of the fields.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { KeyWrites } from '../../identity/keys.js';
import { mergePatch } from '../../identity/merge-patch.js';
import { ok, type Result, refuse, refused } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import type { AddedConfiguration } from '../../operations/added-configuration.js';
import type { AdminApp } from './admin-api.js';
import { sendRefusal } from './errors.js';
import { type Writing, write } from './once.js';
import { route } from './route.js';
import { byId, text } from './schemas.js';

export interface Adding {
  readonly added: Pick<AddedConfiguration, 'change' | 'exclusively' | 'isAdded' | 'leftOut'>;
  /** The running configuration, as plain data with secrets hidden. */
  readonly describeConfig: () => unknown;
  /** Asks a provider what costs nothing; undefined: there is none of this name. */
  readonly testProvider: (name: string) => Promise<ProviderTest | undefined>;
}

interface ProviderTest {
  readonly status: 'ok' | 'note' | 'problem';
  readonly detail: string;
  readonly todo?: string;
}

const DEEPEST = 20;

/** Walks without recursion, for the depth is the caller's. */
function isShallow(root: unknown): boolean {
  const open: [unknown, number][] = [[root, 1]];
  for (let next = open.pop(); next; next = open.pop()) {
    const [value, depth] = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > DEEPEST) return false;
    for (const inner of Object.values(value)) open.push([inner, depth + 1]);
  }
  return true;
}
const tooDeep = `nested deeper than ${DEEPEST} levels`;

/** A key of the sections that providers and models stand in: the file cannot have this one either. */
const sectionKey = text(200).refine((name) => name !== '__proto__', 'this cannot be a name');

const newProvider = z
  .looseObject({ name: sectionKey.describe('Its name, by which targets name it.') })
  .refine(isShallow, tooDeep)
  .meta({
    id: 'NewProvider',
    description: 'A name, and what the configuration file may say of a provider (docs/configuration.md).',
  });
const newModel = z
  .looseObject({ name: sectionKey.describe('What clients send as `model`; may have a `*`.') })
  .refine(isShallow, tooDeep)
  .meta({
    id: 'NewModel',
    description: 'A name, and what the configuration file may say of a model (docs/configuration.md).',
  });
const patch = z
  .looseObject({})
  .refine(isShallow, tooDeep)
  .meta({ id: 'ConfigPatch', description: 'A JSON merge patch of what is said of it.' });

const part = z
  .object({
    id: z.string().describe('Its name.'),
    source: z.enum(['file', 'api']).describe('Whether it stands in the configuration file, or was made by the API.'),
    problem: z.string().nullable().describe('Why it is not in force; null: it is.'),
    settings: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('What is in force, in the shape of `GET /config`, with secrets hidden; null: nothing is.'),
  })
  .meta({ id: 'ConfigPart', description: 'A provider or a model of the configuration.' });
const providerTest = z
  .object({
    status: z.enum(['ok', 'note', 'problem']).describe('`note`: nothing is wrong, but somebody may want to know.'),
    detail: z.string().describe('What was found.'),
    todo: z.string().optional().describe('What to do about it.'),
  })
  .meta({ id: 'ProviderTest', description: 'What asking a provider showed.' });

const kinds = [
  {
    kind: 'provider',
    section: 'providers',
    body: newProvider,
    create: 'createProvider',
    get: 'getProvider',
    update: 'updateProvider',
    remove: 'deleteProvider',
  },
  {
    kind: 'model',
    section: 'models',
    body: newModel,
    create: 'createModel',
    get: 'getModel',
    update: 'updateModel',
    remove: 'deleteModel',
  },
] as const;

export function addedRoutes(app: AdminApp, deps: Writing & Adding): void {
  const { added } = deps;
  const settingsOf = (kind: (typeof kinds)[number], name: string): Json | undefined => {
    const section = (deps.describeConfig() as Record<string, Record<string, Json>>)[kind.section] ?? {};
    return Object.hasOwn(section, name) ? section[name] : undefined;
  };
  const shown = (kind: (typeof kinds)[number], name: string) => {
    const problem = added.leftOut(kind.kind).find((one) => one.name === name)?.problem ?? null;
    const settings = settingsOf(kind, name);
    if (settings === undefined && problem === null) return undefined;
    const source = added.isAdded(kind.kind, name) ? ('api' as const) : ('file' as const);
    return { id: name, source, problem, settings: settings ? { ...settings } : null };
  };

  /** One change with its audit line, in force before it is answered. */
  const change = (
    request: FastifyRequest,
    reply: FastifyReply,
    given: { kind: (typeof kinds)[number]; name: string; action: string; fields?: readonly string[]; status: number },
    make: (before: Json | undefined) => Result<Json | null>,
  ): Promise<void> => {
    const { kind, name, action, fields, status } = given;
    const work = ({ tx }: KeyWrites) =>
      added.change(tx.query, { kind: kind.kind, name }, make, (before, after) => {
        // Names that were there or are there now are names of the schema; others may be any text.
        const isField = (field: string) => Object.hasOwn(before ?? {}, field) || Object.hasOwn(after ?? {}, field);
        const detail = fields ? { fields: fields.filter(isField) } : {};
        return tx.audit({ at: deps.clock.now(), actor: request.adminActor, action, subject: name, detail });
      });
    return added.exclusively(() =>
      write(deps, request, reply, async (writes) => {
        const before = shown(kind, name);
        const changed = await work(writes);
        if (!changed.ok) return changed;
        if (status === 201) reply.header('location', `/admin/v1/${kind.section}/${encodeURIComponent(name)}`);
        return ok({ status, body: shown(kind, name) ?? before ?? {} });
      }),
    );
  };

  for (const kind of kinds) {
    const inFile = (name: string) =>
      refused(refuse('conflict', `The ${kind.kind} ${name} stands in the configuration file: change it there.`));
    const missing = (name: string) => refuse('not_found', `There is no ${kind.kind} named ${name}.`);

    route(app, kind.create, {
      schema: { body: kind.body, response: { 201: part } },
      handler: (request, reply) => {
        const { name, ...written } = request.body as { name: string } & Json;
        const fields = Object.keys(written);
        return change(request, reply, { kind, name, action: `${kind.kind}.create`, fields, status: 201 }, (before) =>
          before || added.isAdded(kind.kind, name)
            ? refused(refuse('conflict', `There is already a ${kind.kind} named ${name}.`, { param: 'name' }))
            : ok(written),
        );
      },
    });

    route(app, kind.get, {
      schema: { params: byId, response: { 200: part } },
      handler: async ({ params }, reply) => shown(kind, params.id) ?? sendRefusal(reply, missing(params.id)),
    });

    route(app, kind.update, {
      schema: { params: byId, body: patch, response: { 200: part } },
      handler: (request, reply) => {
        const { id: name } = request.params;
        const fields = Object.keys(request.body);
        return change(request, reply, { kind, name, action: `${kind.kind}.update`, fields, status: 200 }, (before) => {
          if (before) return ok(mergePatch(before, request.body as Json));
          return settingsOf(kind, name) ? inFile(name) : refused(missing(name));
        });
      },
    });

    route(app, kind.remove, {
      schema: { params: byId, response: { 200: part } },
      handler: (request, reply) => {
        const { id: name } = request.params;
        return change(request, reply, { kind, name, action: `${kind.kind}.delete`, status: 200 }, () =>
          !added.isAdded(kind.kind, name) && settingsOf(kind, name) ? inFile(name) : ok(null),
        );
      },
    });
  }

  route(app, 'testProvider', {
    schema: { params: byId, response: { 200: providerTest } },
    handler: async ({ params, adminActor }, reply) => {
      const found = await deps.testProvider(params.id);
      if (!found) return sendRefusal(reply, refuse('not_found', `There is no provider named ${params.id} in force.`));
      await deps.keys.write(adminActor, async ({ tx }) => {
        const line = { at: deps.clock.now(), actor: adminActor, action: 'provider.test', subject: params.id };
        await tx.audit({ ...line, detail: { status: found.status } });
        return ok(null);
      });
      const { status, detail, todo } = found;
      return { status, detail, ...(todo !== undefined && { todo }) };
    },
  });
}
