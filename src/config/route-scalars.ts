/** The scalar values of classic routes: patterns, addresses, templates, the names of headers. */

import { z } from 'zod';
import { rewriteProblem } from '../lib/rewrite.js';
import { withoutTrailing } from '../lib/without-trailing.js';

export const routeName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'a route name is up to 64 letters, digits and . _ -, and begins with a letter or digit',
  );

export const pathPattern = z
  .string()
  .regex(/^\/[\x21-\x7e]*$/, 'a path begins with / and has no spaces, such as /api/orders/*')
  .refine((path) => !/[?#\\]/.test(path), 'a path has no query, no fragment and no backslash')
  .refine(
    (path) => !/\*./.test(path) && !/[^/]\*$/.test(path),
    '* stands only at the end, for everything below: /api/*',
  )
  .refine((path) => !/\/\//.test(path) && !/\/\.{1,2}(\/|$)/.test(path), 'a path has no // and no . or .. segments')
  .refine(
    (path) => path.split('/').every((part) => !part.includes(':') || /^:[A-Za-z_]\w*$/.test(part)),
    'a parameter is a whole segment, such as /products/:id',
  )
  .refine((path) => {
    const names = path.split('/').filter((part) => part.startsWith(':'));
    return new Set(names).size === names.length;
  }, 'a parameter has one name only once');

export const method = z
  .string()
  .regex(/^[A-Z][A-Z-]{1,19}$/, 'a method is written in capitals, such as GET')
  .refine((name) => name !== 'CONNECT', 'CONNECT is not possible');

export const routeHost = z
  .string()
  .regex(
    /^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$|^\[[0-9a-fA-F:.]+\]$/,
    'expected a host name without a port, such as api.example.com or *.example.com',
  )
  .transform((name) => name.toLowerCase());

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** The name of a header in lower case. */
export const fieldName = z
  .string()
  .regex(TOKEN, 'not a header name')
  .transform((name) => name.toLowerCase());

/** Framing and hop-by-hop fields, which belong to a connection and not to a message. */
const FRAMING = new Set([
  ...['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer'],
  ...['upgrade', 'expect', 'host', 'via'],
]);

export const setName = z
  .string()
  .regex(TOKEN, 'not a header name')
  .refine((name) => !FRAMING.has(name.toLowerCase()), 'the gateway sets this header itself');

export const template = z
  .string()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  .refine((text) => !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text), 'a text of one line');

/** An address of an upstream: `http://host:port/base`. */
export const upstreamUrl = z.string().transform((written, context) => {
  const problem = (message: string) => {
    context.addIssue(message);
    return z.NEVER;
  };
  const url = URL.canParse(written) && /^https?:\/\/[^/]/i.test(written) ? new URL(written) : null;
  if (!url) return problem('expected an http or https URL, such as http://10.0.0.5:8080');
  if (url.username || url.password) return problem('an upstream URL has no user and no password');
  if (url.search || url.hash) return problem('an upstream URL has no query and no fragment');
  return withoutTrailing(url.href, '/');
});

/** An http or https URL, whole. */
export const calloutUrl = z.string().refine((written) => {
  if (!URL.canParse(written) || !/^https?:\/\/[^/]/i.test(written)) return false;
  const { username, password } = new URL(written);
  return username === '' && password === '';
}, 'expected an http or https URL without a user, such as https://idp.example.com/keys');

/** A URL whose path and query may hold `{...}`; its host may not. */
export const templateUrl = z.string().refine((written) => {
  const match = /^(https?):\/\/([^/?#{}@\s]+)([/?].*)?$/i.exec(written);
  return match !== null && URL.canParse(`${match[1]}://${match[2]}`) && !/[#\s\\]/.test(match[3] ?? '');
}, 'expected an http or https URL whose host is fixed, such as http://catalog/products/{id}');

/** A pattern and what takes the place of what it finds. */
export const rewriteRule = z
  .strictObject({
    match: z.string().min(1).max(500).describe('A pattern of RE2, such as ^/v1/([^/]+)$.'),
    to: z
      .string()
      .max(500)
      .regex(/^[\x21-\x7e]*$/, 'printable ASCII without spaces')
      .refine((to) => !/[?#]/.test(to), 'a path has neither ? nor #')
      .describe('$1 stands for the first group.'),
  })
  .superRefine((rule, context) => {
    const problem = rewriteProblem(rule);
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['match'], message: problem });
  });

/** `https://cdn.example.com` */
export const plainOrigin = z
  .string()
  .refine(
    (written) =>
      URL.canParse(written) && /^https?:$/.test(new URL(written).protocol) && new URL(written).origin === written,
    'expected an origin, such as https://cdn.example.com',
  );

/** Who may read answers from a browser. */
export const origin = z
  .string()
  .regex(/^(\*|https?:\/\/(\*\.)?[^/*\s]+|null)$/, 'expected *, or an origin such as https://app.example.com');
