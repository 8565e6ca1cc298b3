/**
 * Bodies that hold one thing or many: the thing itself, a list, or `{"data": [...]}`. Many are made in one transaction, all or
 * none, under one `Idempotency-Key`; what is wrong with one of them is told with its place in the list.
 */
import { z } from 'zod';
import type { Result } from '../../lib/errors.js';
import { ok, refused } from '../../lib/errors.js';

/** Enough for a company's keys in a few calls, and made in a second or two. */
const MOST_AT_ONCE = 200;

interface Branches {
  readonly one: z.ZodType;
  readonly many: z.ZodType;
  readonly wrapped: z.ZodType;
}
const branches = new WeakMap<z.ZodType, Branches>();

export function oneOrMany<T extends z.ZodType>(one: T) {
  const many = z.array(one).min(1, 'a list needs an item').max(MOST_AT_ONCE, `at most ${MOST_AT_ONCE} at once`);
  const wrapped = z.strictObject({ data: many }).meta({ id: `${one.meta()!.id}s` });
  const body = z.union([one, many, wrapped]);
  branches.set(body, { one, many, wrapped });
  return body;
}

/** The form that `data` has, so that what is wrong is told of that form alone; of other schemas the schema itself. */
export function formOf(schema: z.ZodType, data: unknown): z.ZodType {
  const forms = branches.get(schema);
  if (!forms) return schema;
  if (Array.isArray(data)) return forms.many;
  const isWrapped = typeof data === 'object' && data !== null && Object.hasOwn(data, 'data');
  return isWrapped ? forms.wrapped : forms.one;
}

type Body<T> = T | T[] | { data: T[] };

const isWrapped = <T>(body: Body<T>): body is { data: T[] } =>
  typeof body === 'object' && body !== null && 'data' in body && Array.isArray(body.data);

/** Does `make` for each in its order, and stops at the first that is refused. One answer, or a list where a list was given. */
export async function makeEach<T, U extends object>(
  body: Body<T>,
  make: (item: T) => Promise<Result<U>>,
): Promise<Result<U | { data: U[] }>> {
  const list = Array.isArray(body) ? body : isWrapped(body) ? body.data : undefined;
  if (!list) return make(body as T);
  const data: U[] = [];
  for (const [i, item] of list.entries()) {
    const made = await make(item);
    if (!made.ok) {
      const place = `${Array.isArray(body) ? '' : 'data'}[${i}]`;
      const { message, param } = made.refusal;
      return refused({
        ...made.refusal,
        message: `${place}: ${message}`,
        param: param == null ? place : `${place}.${param}`,
      });
    }
    data.push(made.value);
  }
  return ok({ data });
}
