/**
 * The admin API's errors: RFC 9457 problem documents, `application/problem+json`. Refusals, failed validations and what
 * Fastify itself refuses are told in public words; anything else is logged whole and told as `internal_error`, or as
 * `unavailable` where it was the database that could not be reached.
 */
import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isDatabaseAway } from '../../lib/database-away.js';
import { type ErrorCode, type Refusal, refusalHeaders, refuse, statusOf } from '../../lib/errors.js';

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.string(),
    errors: z
      .array(
        z.object({
          field: z.string(),
          message: z.string(),
          file: z.string().optional(),
          line: z.number().optional(),
          column: z.number().optional(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem' });

interface FieldError {
  /** Where in the request: `limits[0].per`, `query.limit`; empty: the body as a whole. */
  readonly field: string;
  readonly message: string;
  /** Where in a file, for a fault that is in one. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** A refusal that has more than one thing to say. */
export interface DetailedRefusal extends Refusal {
  readonly errors?: readonly FieldError[];
}

/** The body of a problem document; `type` names the code, and there is no page behind it. */
const problemOf = (refusal: Refusal, errors?: readonly FieldError[]) => ({
  type: `urn:tollgate:error:${refusal.code}`,
  title: STATUS_CODES[statusOf(refusal)] ?? 'Error',
  status: statusOf(refusal),
  detail: refusal.message,
  code: refusal.code,
  ...(errors ? { errors } : refusal.param ? { errors: [{ field: refusal.param, message: refusal.message }] } : {}),
});

export function sendRefusal(reply: FastifyReply, refusal: DetailedRefusal, errors = refusal.errors): FastifyReply {
  const status = statusOf(refusal);
  return reply
    .headers(refusalHeaders(refusal.headers, status))
    .code(status)
    .type('application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(problemOf(refusal, errors));
}

/** Fastify's error handler for the admin API. */
export function handleError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof z.ZodError) return sendInvalid(reply, error, request);
  const { statusCode: status = 500, code: name, message } = error as Partial<FastifyError>;
  if (status >= 400 && status < 500) return sendRefusal(reply, refusalOf(status, name, message));
  if (isDatabaseAway(error)) {
    request.log.warn({ err: error }, 'the database is away');
    const words = 'The database cannot be reached, and nothing was changed. Try again in a moment.';
    return sendRefusal(reply, refuse('unavailable', words, { headers: { 'retry-after': '1' } }));
  }
  request.log.error({ err: error }, 'an admin request failed');
  return sendRefusal(reply, refuse('internal_error', 'Something went wrong here; the log says what.'));
}

function sendInvalid(reply: FastifyReply, error: z.ZodError, request: FastifyRequest): FastifyReply {
  const place = (error as { validationContext?: string }).validationContext;
  const prefix = place === undefined || place === 'body' ? [] : [place === 'querystring' ? 'query' : place];
  const errors = error.issues.flatMap((issue) => fieldErrors(issue, prefix)).slice(0, 20);
  const unknown = error.issues.every((issue) => issue.code === 'unrecognized_keys');
  const code: ErrorCode = unknown ? 'unsupported_parameter' : 'invalid_value';
  const words = errors.slice(0, 3).map(({ field, message }) => (field ? `${field}: ${message}` : message));
  const more = errors.length > 3 ? `; and ${errors.length - 3} more` : '';
  request.log.debug({ code, errors: errors.length }, 'an admin request is not valid');
  return sendRefusal(reply, refuse(code, words.join('; ') + more), errors);
}

function fieldErrors(issue: z.core.$ZodIssue, prefix: readonly PropertyKey[]): FieldError[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: fieldName([...path, key]), message: 'there is no such field' }));
  }
  if (issue.code === 'invalid_union') {
    // Of a union's branches, the one that liked the type of the value has the most to say.
    const said = issue.errors.flat().find((inner) => inner.code !== 'invalid_type');
    if (said) return [{ field: fieldName([...path, ...said.path]), message: said.message }];
  }
  return [{ field: fieldName(path), message: issue.message }];
}

const fieldName = (path: readonly PropertyKey[]): string =>
  path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i > 0 ? '.' : ''}${shortened(String(part))}`))
    .join('');

const shortened = (name: string): string => (name.length > 100 ? `${name.slice(0, 100)}...` : name);

function refusalOf(status: number, name: string | undefined, message = 'The request cannot be served.'): Refusal {
  if (name === 'FST_ERR_CTP_BODY_TOO_LARGE' || status === 413) {
    return refuse('request_too_large', 'The body is too large: the admin API takes up to 1 MB.');
  }
  if (status === 415) return refuse('unsupported_media_type', 'Send JSON, with `content-type: application/json`.');
  if (name === 'FST_ERR_BAD_URL') return refuse('invalid_value', 'The path is not percent-encoded as it must be.');
  if (status === 404) return refuse('not_found', message);
  if (status === 405) return refuse('method_not_allowed', message);
  if (name === 'FST_ERR_CTP_INVALID_JSON_BODY' || name === INVALID_JSON) {
    return refuse('invalid_json', 'The body is not valid JSON in UTF-8.');
  }
  return refuse('invalid_value', message);
}

/** The `code` of the error that the body's parser makes. */
export const INVALID_JSON = 'TOLLGATE_INVALID_JSON';

export const noSuchPath = refuse('not_found', 'There is no such path in the admin API. See /admin/v1/openapi.json.');
export const unauthorized = refuse(
  'invalid_api_key',
  'The admin API needs the admin key, as `Authorization: Bearer ...`. On the first start it was stored in admin.key of the data directory.',
  { headers: { 'www-authenticate': 'Bearer' } },
);
