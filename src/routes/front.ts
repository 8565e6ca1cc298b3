/**
 * Classic routes, in front of the gateway's own HTTP server: a listener on node's server, so that a request is seen as it came
 * and upgrades are possible. What no route wants is handed to the server behind, unchanged and at the price of one look-up;
 * without routes there is not even that.
 */
import { createServer, IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isOwnPath } from '../api/addresses.js';
import type { ClientRequest, ClientResponse, Direct } from '../front/client.js';
import { plainFront } from '../front/plain-front.js';
import { refuse } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { ClientAddress } from './client-address.js';
import type { Match, Matcher } from './match.js';
import { LONGEST_TARGET, readTarget } from './path.js';
import type { Route } from './route.js';
import { type ClientTimeouts, noteReading, watchSlowClients } from './slow-clients.js';
import { Visit } from './visit.js';

interface FrontDeps {
  readonly matcher: () => Matcher<Route>;
  readonly address: () => ClientAddress;
  readonly now: () => number;
  readonly timeouts: () => ClientTimeouts;
  readonly serve: (visit: Visit, route: Route) => void;
  /** A request that ended before it had a route: for the log. */
  readonly onRefused: (visit: Visit) => void;
}

/** How often node looks for clients whose headers are late. */
const CHECK_MS = 1_000;
const SANE_ID = /^[\w.:/+=@-]{1,128}$/;
const asked = Symbol('upgrade');
const HOST = /^(\[[0-9a-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i;

/** A server whose requests go to routes first. `behind` gets the others, `direct` those that are plain and that it serves. */
export function frontServer(given: FrontDeps, direct: Direct, behind: RequestListener): Server {
  const deps = { ...given, listening: (): boolean => server.listening };
  /** Node hands over the connection of every request that has an `Upgrade` header; only those for routes are wanted. */
  class Incoming extends IncomingMessage {
    // Set by node before the fields of this class would exist.
    declare [asked]: boolean | null;
    constructor(socket: Socket) {
      super(socket);
      noteReading(socket, this);
    }
    get upgrade(): boolean | null {
      return this[asked] === true ? upgrades(this) && look(deps, this) !== undefined : this[asked];
    }
    set upgrade(value: boolean | null) {
      this[asked] = value;
    }
  }
  const server: Server = createServer({
    IncomingMessage: Incoming,
    keepAliveTimeout: 75_000,
    requestTimeout: 0, // uploads may take long; watchSlowClients tells them from drips
    connectionsCheckingInterval: CHECK_MS,
  });
  watchSlowClients(server, deps.timeouts, deps.now);
  server.setTimeout(0);
  const take = (req: ClientRequest, res: ClientResponse, awaitsContinue: boolean): boolean => {
    const matcher = deps.matcher();
    // Without a route on a host of its own, the gateway's own paths are nobody else's.
    if (matcher.size === 0 || (!matcher.namesHosts && isOwnPath(req.url!))) return false;
    const found = look(deps, req);
    if (found === undefined) return false;
    begin(deps, req, res, found, awaitsContinue, null);
    return true;
  };
  plainFront(server, (req, res) => {
    if (take(req, res, false)) return true;
    const handler = direct(req.method, req.url);
    handler?.(req, res);
    return handler !== undefined;
  });
  server.on('request', (req, res) => {
    if (!take(req, res, false)) behind(req as never, res as never);
  });
  server.on('checkContinue', (req, res) => {
    if (take(req, res, true)) return;
    res.writeContinue();
    behind(req as never, res as never);
  });
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    const found = look(deps, req);
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket as never);
    res.on('finish', () => socket.end());
    socket.on('error', () => {});
    if (found) begin(deps, req, res, found, false, { socket, head });
    else res.writeHead(404).end();
  });
  return server;
}

/** WebSocket is what is upgraded to; `h2c` and others may be ignored (RFC 9110 7.8). */
const upgrades = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket';

interface Found {
  readonly match: Match<Route> | undefined;
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly hostHeader: string;
}

/** The route of a request. Undefined: it is for the server behind. */
function look(deps: FrontDeps, req: ClientRequest): Found | undefined {
  const url = req.url!;
  const target = readTarget(url);
  const hostHeader = target?.host ?? req.headers.host ?? '';
  const host = hostOf(hostHeader);
  if (!target) {
    // Not to be routed as it stands: still ours to refuse if it would be ours.
    const first = url.split(/[?#]/, 1)[0]!;
    const near = first.startsWith('/')
      ? deps.matcher().find(host, first, { method: req.method!, headers: req.headers })
      : undefined;
    return near ? { match: undefined, path: first, query: '', host, hostHeader } : undefined;
  }
  const match = deps.matcher().find(host, target.path, { method: req.method!, headers: req.headers });
  return match && { match, path: target.path, query: target.query, host, hostHeader };
}

function hostOf(header: string): string {
  const end = header.startsWith('[') ? header.indexOf(']') + 1 : header.indexOf(':');
  const name = end <= 0 ? header : header.slice(0, end);
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

function begin(
  deps: FrontDeps & { readonly listening: () => boolean },
  req: ClientRequest,
  res: ClientResponse,
  found: Found,
  awaitsContinue: boolean,
  upgrade: Visit['upgrade'],
): void {
  const peer = deps.address().of(req);
  const given = req.headers['x-request-id'];
  const { match } = found;
  const visit = new Visit({
    req,
    res,
    awaitsContinue,
    path: found.path,
    query: found.query,
    host: found.host,
    hostHeader: found.hostHeader,
    ip: peer.ip,
    peerTrusted: peer.trusted,
    requestId: typeof given === 'string' && SANE_ID.test(given) ? given : newId('req'),
    arrivedAt: deps.now(),
    names: match?.kind === 'route' ? match.names : NONE,
    values: match?.kind === 'route' ? match.values : NONE,
  });
  visit.upgrade = upgrade;
  visit.extra.push('x-request-id', visit.requestId);
  // While the server closes, each connection is told that its answer was the last.
  if (!deps.listening()) visit.extra.push('connection', 'close');
  res.on('error', ignore);
  const wrong = ambiguous(req, found.hostHeader);
  if (wrong === undefined && match?.kind === 'route') return deps.serve(visit, match.route);
  res.on('close', () => deps.onRefused(visit));
  if (wrong !== undefined) {
    visit.extra.push('connection', 'close');
    return visit.refuse(refuse('invalid_request', wrong));
  }
  if (match?.kind === 'method') {
    const allow = match.allowed.join(', ');
    return visit.refuse(refuse('method_not_allowed', `${visit.method} is not possible here.`, { headers: { allow } }));
  }
  visit.refuse(refuse('invalid_request', 'The path of the request is ambiguous.'));
}

const NONE: readonly string[] = [];
const ignore = (): void => {};

/** Why a request's framing or host can be read in two ways; undefined: it cannot. Node has refused some of it already. */
function ambiguous(req: ClientRequest, hostHeader: string): string | undefined {
  const raw = req.rawHeaders;
  let hosts = 0;
  let lengths = 0;
  let codings = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
    else if (name.length === 14 && name.toLowerCase() === 'content-length') lengths += 1;
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') codings += 1;
  }
  if (hosts > 1) return 'The request has more than one Host.';
  if (hosts === 0 && req.httpVersion !== '1.0') return 'The request has no Host.';
  if (hostHeader !== '' && !HOST.test(hostHeader)) return 'The Host of the request is not a host.';
  if (lengths > 1) return 'The request has more than one Content-Length.';
  if (codings === 0) return undefined;
  if (lengths > 0) return 'The request has both Content-Length and Transfer-Encoding.';
  if (req.httpVersion === '1.0') return 'HTTP/1.0 has no Transfer-Encoding.';
  if (codings > 1 || req.headers['transfer-encoding']!.trim().toLowerCase() !== 'chunked')
    return 'The only Transfer-Encoding that is known is chunked.';
  return undefined;
}

/** A target that is longer than any route takes. */
export const tooLong = (req: ClientRequest): boolean => req.url!.length > LONGEST_TARGET;
