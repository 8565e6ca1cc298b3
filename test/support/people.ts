/** Users of a gateway that runs, and what they are answered. */
import type { Gateway } from './gateway.js';

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads out of an answer it states by reading it
  readonly body: any;
}

/** Asks the admin API with this token, key or cookie; undefined: with nothing. */
export async function ask(
  gateway: Pick<Gateway, 'url'>,
  token: string | undefined,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const response = await fetch(`${gateway.url}/admin/v1${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /[/+]json(;|$)/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
}

export interface MadeUser {
  readonly id: string;
  readonly email: string;
  readonly token: string;
  readonly tokenId: string;
}

let users = 0;

/** A user with a token that may do all that the user may. */
export async function madeUser(gateway: Gateway, fields: { role: string; teams?: string[] }): Promise<MadeUser> {
  const email = `user${++users}@example.com`;
  const { id } = await gateway.admin<{ id: string }>('POST', '/users', { email, ...fields });
  const made = await gateway.admin<{ id: string; token: string }>('POST', '/tokens', { name: 'test', user: id });
  return { id, email, token: made.token, tokenId: made.id };
}
