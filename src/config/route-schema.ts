/** Classic HTTP routes as written in the configuration. Contract section 9; docs/routes.md explains every key. */
import { z } from 'zod';
import { limitWindows } from '../lib/limit-spec.js';
import { auth } from './route-auth-schema.js';
import * as r from './route-scalars.js';
import { breaker, status, tls, upstream } from './route-upstream-schema.js';
import * as s from './scalars.js';

const MOST_BUFFERED = 2 ** 27;
const MOST_CHANGED = 2 ** 24;

const limit = z
  .strictObject({
    unit: z.enum(['requests', 'concurrent']).optional().describe('Default requests.'),
    max: z.union([z.number().int().min(0), z.string().regex(/^\d[\d_]*$/, 'expected a whole number, such as 100')]),
    per: z
      .enum(limitWindows)
      .optional()
      .describe('A window: second, minute, hour slide, the others are of the calendar.'),
    by: z
      .string()
      .regex(/^(route|consumer|ip|header:[A-Za-z0-9!#$%&'*+.^_`|~-]+)$/, 'expected consumer, ip, route or header:name')
      .optional()
      .describe('Who is counted: consumer, ip, header:name, or route (all together). Default consumer.'),
  })
  .refine(({ unit, per }) => (unit === 'concurrent') === (per === undefined), {
    path: ['per'],
    message: 'requests need a `per`; a `concurrent` limit has none',
  });

const headerChanges = z.strictObject({
  set: z.record(r.setName, r.template).optional().describe('Set to this, whatever it was.'),
  add: z.record(r.setName, r.template).optional().describe('Added beside what is there.'),
  rename: z.record(r.fieldName, r.setName).optional().describe('Old name: new name.'),
  remove: z.array(r.fieldName).optional().describe('Taken out.'),
});
const queryChanges = z.strictObject({
  set: z.record(z.string().min(1), r.template).optional(),
  add: z.record(z.string().min(1), r.template).optional(),
  rename: z.record(z.string().min(1), z.string().min(1)).optional(),
  remove: z.array(z.string().min(1)).optional(),
});
const bodyChanges = z.strictObject({
  remove: z.array(z.string().min(1)).optional().describe('Fields; a dot leads into objects.'),
  rename: z
    .record(z.string().min(1), z.string().min(1))
    .optional()
    .describe('Field: its new name, in the same object.'),
  move: z.record(z.string().min(1), z.string().min(1)).optional().describe('Path: new path.'),
  set: z.record(z.string().min(1), z.json()).optional().describe('Path: value; texts may hold {...}.'),
  target: z.string().min(1).optional().describe('In the end: the value at this path, a list too, is the whole body.'),
});

const request = z.strictObject({
  method: r.method.optional().describe('The method that is sent, whatever the request had.'),
  headers: headerChanges.optional(),
  path: z
    .strictObject({
      strip_prefix: z
        .string()
        .regex(/^\/[\x21-\x7e]*$/, 'a prefix begins with /')
        .optional(),
      add_prefix: z
        .string()
        .regex(/^\/[\x21-\x7e]*$/, 'a prefix begins with /')
        .optional(),
      set: z
        .string()
        .regex(/^\/[\x21-\x7e]*$/, 'a path begins with /')
        .optional()
        .describe('May hold {param}.'),
      rewrite: z
        .array(r.rewriteRule)
        .min(1)
        .max(20)
        .optional()
        .describe('Patterns of RE2, in turn, over the path after strip_prefix and before add_prefix.'),
    })
    .refine(({ set, rewrite }) => set === undefined || rewrite === undefined, {
      path: ['rewrite'],
      message: 'either `set` or `rewrite`',
    })
    .optional(),
  query: queryChanges.optional(),
  body: bodyChanges
    .extend({
      send: z
        .enum(['json', 'form'])
        .optional()
        .describe('How the body is sent. Default: as it came. JSON and forms are read.'),
    })
    .optional()
    .describe('JSON and forms only.'),
});

const answerChanges = { headers: headerChanges.optional(), body: bodyChanges.optional() };

const statusText = z.string().regex(/^[1-5]\d\d$|^[1-5]xx$/, 'expected a status such as 404, or 4xx');
const conditional = z
  .strictObject({
    status: z
      .array(z.union([z.number().int().min(100).max(599), statusText]))
      .min(1)
      .optional()
      .describe('Statuses of the answer, or classes of them.'),
    has: z
      .record(r.fieldName, z.string())
      .optional()
      .describe('Headers that the answer has, with these values; * stands for any text.'),
    ...answerChanges,
    set_status: status.optional().describe('The status that is sent instead.'),
  })
  .refine(({ status: of, has }) => of !== undefined || has !== undefined, 'needs a condition: `status` or `has`');

const ownError = z.strictObject({
  status: z.number().int().min(200).max(599).optional().describe('Default: that of the answer.'),
  body: z.json().optional().describe('A text as it is, anything else as JSON; texts may hold {...}.'),
  type: z
    .string()
    .regex(/^[\x21-\x7e][\x20-\x7e]*$/)
    .optional()
    .describe('Its content-type. Default: text/plain for a text, else application/json.'),
});

const cors = z
  .strictObject({
    origins: z
      .array(r.origin)
      .min(1)
      .describe('Who may read answers: origins, https://*.example.com for all below, or *.'),
    methods: z.array(r.method).optional().describe("Default: the route's, else GET, HEAD, POST, PUT, PATCH, DELETE."),
    headers: z
      .array(z.union([z.literal('*'), r.fieldName]))
      .optional()
      .describe('Default: those that are asked for.'),
    expose: z.array(r.fieldName).optional().describe('Headers of the answer that scripts may read.'),
    credentials: z.boolean().optional().describe('Cookies and credentials may come along. Default false.'),
    max_age: s.duration(0).optional().describe('How long a browser may remember. Default 10m.'),
  })
  .refine(({ origins, credentials }) => !credentials || !origins.includes('*'), {
    path: ['origins'],
    message: '`credentials: true` needs origins by name, for * would hand credentials to every site',
  });

const part = z
  .strictObject({
    url: r.templateUrl.describe('{id} is a parameter of the path, {group.field} a field of an earlier part.'),
    name: r.routeName.optional().describe('How `after` and templates name it. Default: its group.'),
    method: r.method.optional().describe('Default GET.'),
    headers: z.array(r.fieldName).optional().describe("The request's headers that are sent along. Default: none."),
    query: z.array(z.string().min(1)).optional().describe("The request's query parameters that are sent along."),
    group: z.string().min(1).optional().describe('The field of the answer that holds this part. Left out: merged in.'),
    target: z.string().min(1).optional().describe('The field of the answer that is the part, such as data.items.'),
    allow: z.array(z.string().min(1)).min(1).optional().describe('The only fields that are kept.'),
    deny: z.array(z.string().min(1)).min(1).optional().describe('Fields that are left out.'),
    map: z.record(z.string().min(1), z.string().min(1)).optional().describe('Field: its new name.'),
    collection: z
      .union([z.boolean(), z.string().min(1)])
      .optional()
      .describe('The answer is a list; it is put into a field of this name (true: collection).'),
    follow: z
      .number()
      .int()
      .min(0)
      .max(10)
      .optional()
      .describe('Redirects within the same origin that are followed. Default 0.'),
    follow_to: z
      .array(r.plainOrigin)
      .min(1)
      .max(20)
      .optional()
      .describe('Other origins that redirects may lead to; none of the client’s headers are sent there.'),
    after: z.array(z.string().min(1)).optional().describe('Parts that must be there before. Left out: at once.'),
    optional: z.boolean().optional().describe('Without it the answer is incomplete, not an error.'),
    default: z.json().optional().describe('What stands in for an optional part that is missing.'),
    error: z
      .string()
      .min(1)
      .optional()
      .describe('A field of the answer that says why an optional part is missing: its status, code and detail.'),
    timeout: s.duration().optional().describe('Default 5s.'),
    breaker: breaker.optional(),
    tls: tls.optional(),
  })
  .refine(({ allow, deny }) => allow === undefined || deny === undefined, {
    path: ['deny'],
    message: 'either `allow` or `deny`',
  })
  .refine(({ follow, follow_to }) => follow_to === undefined || (follow ?? 0) > 0, {
    path: ['follow_to'],
    message: 'needs `follow`: how many redirects are followed',
  })
  .refine(({ optional, ...rest }) => optional || (rest.default === undefined && rest.error === undefined), {
    path: ['optional'],
    message: '`default` and `error` are for a part that is `optional`',
  });

const cache = z.strictObject({
  ttl: s.duration().describe('How long an answer is used, unless its own cache-control says less.'),
  vary: z.array(r.fieldName).optional().describe('Request headers that make it another answer.'),
  statuses: z.array(status).optional().describe('Default [200, 203, 204, 301, 404, 410].'),
  largest: s.size(MOST_BUFFERED).optional().describe('Larger answers are not kept. Default 1mb.'),
  size: s
    .size(2 ** 30)
    .optional()
    .describe('Memory of the route for answers. Default 64mb.'),
  shared: z.boolean().optional().describe('Consumers share answers. Default false: each has its own.'),
  bypass: z
    .strictObject({
      headers: z.array(r.fieldName).optional(),
      cookies: z.array(z.string().regex(/^[\w.-]+$/)).optional(),
    })
    .optional()
    .describe('Requests with one of these are answered by the upstream, and their answers are not kept.'),
  stale_if_error: s
    .duration(0)
    .optional()
    .describe('How long a stale answer may stand in for an upstream that fails. Default: as the answer says.'),
  stale_while_revalidate: s
    .duration(0)
    .optional()
    .describe('How long a stale answer is given while it is renewed behind it. Default: as the answer says.'),
});

const schemaDocument = z.union([z.record(z.string(), z.json()), z.boolean()]);
const validation = z.strictObject({
  body: schemaDocument.optional().describe('A JSON Schema (2020-12) for JSON bodies.'),
  query: schemaDocument.optional().describe('For query parameters, all of them texts or lists of texts.'),
  headers: schemaDocument.optional().describe('For headers, their names in lower case.'),
});

const policies = ['ip', 'auth', 'limits', 'validate', 'breaker', 'body_limit'] as const;

export const route = z
  .strictObject({
    name: r.routeName.describe('In metrics and the log.'),
    match: z
      .strictObject({
        path: z
          .union([r.pathPattern, z.array(r.pathPattern).min(1)])
          .describe('/a/b, /a/:id, /a/* (all below, and /a).'),
        methods: z.array(r.method).min(1).optional().describe('Default: all. GET lets HEAD in.'),
        host: z
          .union([r.routeHost, z.array(r.routeHost).min(1)])
          .optional()
          .describe('Default: any.'),
        headers: z.record(r.fieldName, z.string()).optional().describe('Headers that must have these values.'),
      })
      .describe('Which requests are meant.'),
    upstream: upstream.optional().describe('Where requests are forwarded to.'),
    compose: z.array(part).min(1).max(50).optional().describe('Several upstreams whose answers become one.'),
    respond: z
      .strictObject({
        status: z.number().int().min(200).max(599).optional().describe('Default 200.'),
        headers: z.record(r.setName, r.template).optional(),
        body: z.json().optional().describe('A text as it is, anything else as JSON.'),
      })
      .optional()
      .describe('A fixed answer.'),
    redirect: z
      .strictObject({
        to: r.template.describe('A URL or a path; may hold {param}, {path} and {query}.'),
        status: z.union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)]).optional(),
      })
      .optional()
      .describe('An answer that leads elsewhere. Default status 308.'),
    auth: auth.optional().describe('Who may call. Left out: who has a virtual key.'),
    limits: z.array(limit).optional(),
    breaker: breaker.optional().describe('Per target: after too many failures it is left alone for a while.'),
    request: request.optional().describe('Changes before it is sent.'),
    response: z
      .strictObject({
        ...answerChanges,
        status: status.optional(),
        when: z
          .array(conditional)
          .min(1)
          .max(50)
          .optional()
          .describe('Changes to some answers: the first that fits, after those to all.'),
        errors: z
          .record(z.string().regex(/^[45]\d\d$|^[45]xx$/, 'expected a status such as 404, or 4xx or 5xx'), ownError)
          .optional()
          .describe('Answers with these statuses have a body of our own instead of the upstream’s.'),
      })
      .optional()
      .describe('Changes before it is answered.'),
    validate: validation.optional().describe('What a request must look like, else 400.'),
    cors: cors.optional(),
    ip: z
      .strictObject({ allow: z.array(s.addressRange).optional(), deny: z.array(s.addressRange).optional() })
      .optional()
      .describe('Addresses and CIDR blocks. What is denied is refused, and where `allow` is given, what is not in it.'),
    body_limit: s
      .size(2 ** 40)
      .optional()
      .describe('Largest request body. Default: server.body_limit.'),
    json: z
      .strictObject({
        largest: s.size(MOST_CHANGED).optional().describe('Larger ones are refused. Default 1mb.'),
        depth: z.number().int().min(1).max(256).optional().describe('Levels of objects and lists. Default 64.'),
        values: z
          .number()
          .int()
          .min(1)
          .max(2_000_000)
          .optional()
          .describe('Members of objects and items of lists, all together. Default 100000.'),
      })
      .optional()
      .describe('Bounds of JSON bodies that are checked, changed or composed.'),
    cache: cache.optional(),
    compress: z
      .union([
        z.boolean(),
        z.strictObject({
          smallest: s
            .size(2 ** 20)
            .optional()
            .describe('Default 1kb.'),
          types: z.array(z.string().min(1)).optional().describe('Default: texts, JSON, XML, scripts, SVG.'),
        }),
      ])
      .optional()
      .describe('Compress answers for clients that accept it. Never event streams.'),
    mirror: z
      .strictObject({
        url: r.upstreamUrl,
        share: z.number().gt(0).max(1).optional().describe('Share of requests. Default 1.'),
      })
      .optional()
      .describe('A copy of each request goes here too; its answer is thrown away.'),
    log_only: z
      .array(z.enum(policies))
      .optional()
      .describe('Policies that log and count what they would refuse, and let it pass.'),
  })
  .refine(
    ({ upstream: a, compose: b, respond: c, redirect: d }) =>
      [a, b, c, d].filter((one) => one !== undefined).length === 1,
    { message: 'needs exactly one of `upstream`, `compose`, `respond` and `redirect`' },
  );

export type WrittenRoute = z.output<typeof route>;
export type Policy = (typeof policies)[number];
