/**
 * Cookies of the console, and whether a request with one comes from the console's own pages. Browsers send cookies with whatever
 * other sites make them ask, so a request counts only where the browser says that a page of the same origin made it
 * (`Sec-Fetch-Site`; where that is missing, `Origin`), and a write needs a header besides that no other site can set.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';

export const SESSION = 'tollgate_session';
/** What a write that comes with a cookie must have. */
const HEADER = 'x-tollgate-console';
const LONGEST = 4_096;

export function cookieOf(request: FastifyRequest, name: string): string | undefined {
  const { cookie } = request.headers;
  if (cookie === undefined || cookie.length > 16_384) return undefined;
  const found = new Map<string, string>();
  for (const part of cookie.split(';')) {
    const at = part.indexOf('=');
    const key = part.slice(0, at).trim();
    // Of two with one name the first is of the longer path; neither is ours then.
    if (at > 0) found.set(key, found.has(key) ? '' : part.slice(at + 1).trim());
  }
  // One that a page of a parent domain, or one without TLS, cannot have set goes before.
  const value = found.get(`__Host-${name}`) ?? (isSecure(request) ? undefined : found.get(name));
  return value === '' || value === undefined || value.length > LONGEST ? undefined : value;
}

interface CookieTimes {
  readonly maxAgeS: number;
  readonly sameSite: 'Strict' | 'Lax';
  /** The browser is known to speak TLS. */
  readonly secure?: boolean | undefined;
}

export function setCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  value: string,
  { maxAgeS, sameSite, secure: known }: CookieTimes,
): void {
  const secure = known ?? isSecure(request);
  const flags = `Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=${sameSite}${secure ? '; Secure' : ''}`;
  reply.header('set-cookie', `${secure ? '__Host-' : ''}${name}=${value}; ${flags}`);
}

export function clearCookie(request: FastifyRequest, reply: FastifyReply, name: string): void {
  setCookie(request, reply, name, '', { maxAgeS: 0, sameSite: 'Strict' });
}

/** Whether the browser speaks TLS, as far as it can be known: behind a proxy that is not believed, by what the browser says. */
const isSecure = ({ protocol, headers }: FastifyRequest): boolean =>
  protocol === 'https' || (headers.origin?.startsWith('https://') ?? false) || hasHostCookie(headers.cookie);
const hasHostCookie = (cookie: string | undefined): boolean => cookie?.includes(`__Host-${SESSION}=`) ?? false;

/** Whether no other site can have made the browser send this. */
export function isOwnPage(request: FastifyRequest): boolean {
  const { 'sec-fetch-site': site, origin } = request.headers;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (site !== undefined) return site === 'same-origin' || (site === 'none' && isRead);
  if (origin !== undefined) return URL.canParse(origin) && new URL(origin).host === request.host;
  return true;
}

/** The same of a request that counts on its cookie. */
export const mayUseCookie = (request: FastifyRequest): boolean =>
  isOwnPage(request) &&
  (request.method === 'GET' || request.method === 'HEAD' || request.headers[HEADER] !== undefined);
