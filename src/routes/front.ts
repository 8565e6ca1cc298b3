/**
 * Classic routes, in front of the gateway's own HTTP server: a listener on node's server, so that a request is seen as it came
 * and upgrades are possible. What no route wants is handed to the server behind, unchanged and at the price of one look-up;
 * without routes there is not even that.
 */
import { IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isOwnPath } from '../api/addresses.js';
import type { ClientRequest, ClientResponse, Direct } from '../front/client.js';
import type { Closing } from '../front/closing.js';
import { inTurn, isBusy } from '../front/in-turn.js';
import { plainFront } from '../front/plain-front.js';
import { PlainRequest } from '../front/plain-request.js';
import { type Certificates, createHttpServer } from '../front/tls.js';
import { whyUnclear } from '../front/unclear.js';
import { refuse } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { ClientAddress } from './client-address.js';
import type { Match, Matcher } from './match.js';
import { LONGEST_TARGET, readTarget } from './path.js';
import type { Route } from './route.js';
import { type ClientTimeouts, neverAsked, noteReading, watchSlowClients } from './slow-clients.js';
import { Visit } from './visit.js';

interface FrontDeps {
  readonly closing: Closing;
  readonly matcher: () => Matcher<Route>;
  readonly address: () => ClientAddress;
  readonly now: () => number;
  readonly timeouts: () => ClientTimeouts;
  /** Null: plain HTTP. */
  readonly certificates: Certificates | null;
  readonly serve: (visit: Visit, route: Route) => void;
  /** A request that ended before it had a route: for the log. */
  readonly onRefused: (visit: Visit) => void;
}

/** How often node looks for clients whose headers are late. */
const CHECK_MS = 1_000;
const SANE_ID = /^[\w.:/+=@-]{1,128}$/;
const asked = Symbol('upgrade');

/** A server whose requests go to routes first. `behind` gets the others, `direct` those that are plain and that it serves. */
export function frontServer(deps: FrontDeps, direct: Direct, behind: RequestListener): Server {
  const { closing } = deps;
  /** Node hands over the connection of every request that has an `Upgrade` header; only those for routes are wanted. */
  class Incoming extends IncomingMessage {
    // Set by node before the fields of this class would exist.
    declare [asked]: boolean | null;
    constructor(socket: Socket) {
      super(socket);
      noteReading(socket, this);
    }
    get upgrade(): boolean | null {
      return this[asked] === true
        ? upgrades(this) && !isBusy(this.socket) && look(deps, this) !== undefined
        : this[asked];
    }
    set upgrade(value: boolean | null) {
      this[asked] = value;
    }
  }
  const options = {
    IncomingMessage: Incoming,
    keepAliveTimeout: 75_000,
    requestTimeout: 0, // uploads may take long; watchSlowClients tells them from drips
    connectionsCheckingInterval: CHECK_MS,
  };
  const server = createHttpServer(options, deps.certificates);
  const clients = watchSlowClients(server, deps.timeouts, deps.now);
  server.setTimeout(0);
  const take = (req: ClientRequest, res: ClientResponse, awaitsContinue: boolean): boolean => {
    // A plain request is clear, or it would not be one.
    const wrong = req instanceof PlainRequest ? undefined : whyUnclear(req);
    if (wrong !== undefined) {
      refuseUnclear(deps, req, res, wrong);
      return true;
    }
    const matcher = deps.matcher();
    // Without a route on a host of its own, the gateway's own paths are nobody else's.
    if (matcher.size === 0 || (!matcher.namesHosts && isOwnPath(req.url!))) return false;
    const found = look(deps, req);
    if (found === undefined) return false;
    begin(deps, req, res, found, awaitsContinue, null);
    return true;
  };
  plainFront({ server, closing, clients, neverAsked }, (req, res) => {
    if (take(req, res, false)) return true;
    const handler = direct(req.method, req.url);
    handler?.(req, res);
    return handler !== undefined;
  });
  server.on('request', (req, res) =>
    inTurn(req, res, () => {
      if (closing.begun) res.shouldKeepAlive = false;
      if (!take(req, res, false)) behind(req as never, res as never);
    }),
  );
  server.on('checkContinue', (req, res) =>
    inTurn(req, res, () => {
      if (closing.begun) res.shouldKeepAlive = false;
      if (take(req, res, true)) return;
      res.writeContinue();
      behind(req as never, res as never);
    }),
  );
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    const found = look(deps, req);
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket as never);
    res.on('finish', () => socket.end());
    socket.on('error', () => {});
    const wrong = whyUnclear(req);
    if (wrong !== undefined) refuseUnclear(deps, req, res, wrong);
    else if (found) begin(deps, req, res, found, false, { socket, head });
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
  deps: FrontDeps,
  req: ClientRequest,
  res: ClientResponse,
  found: Found,
  awaitsContinue: boolean,
  upgrade: Visit['upgrade'],
): void {
  const { match } = found;
  const visit = visitOf(deps, req, res, found, awaitsContinue);
  visit.upgrade = upgrade;
  if (match?.kind === 'route') return deps.serve(visit, match.route);
  res.on('close', () => deps.onRefused(visit));
  if (match?.kind === 'method') {
    const allow = match.allowed.join(', ');
    return visit.refuse(refuse('method_not_allowed', `${visit.method} is not possible here.`, { headers: { allow } }));
  }
  visit.refuse(refuse('invalid_request', 'The path of the request is ambiguous.'));
}

function visitOf(
  deps: FrontDeps,
  req: ClientRequest,
  res: ClientResponse,
  { match, path, query, host, hostHeader }: Found,
  awaitsContinue: boolean,
): Visit {
  const peer = deps.address().of(req);
  const given = req.headers['x-request-id'];
  const visit = new Visit({
    req,
    res,
    awaitsContinue,
    path,
    query,
    host,
    hostHeader,
    ip: peer.ip,
    peerTrusted: peer.trusted,
    requestId: typeof given === 'string' && SANE_ID.test(given) ? given : newId('req'),
    arrivedAt: deps.now(),
    names: match?.kind === 'route' ? match.names : NONE,
    values: match?.kind === 'route' ? match.values : NONE,
  });
  visit.extra.push('x-request-id', visit.requestId);
  res.on('error', ignore);
  return visit;
}

/** A request that two readers could take differently gets one answer, and its connection ends. */
function refuseUnclear(deps: FrontDeps, req: ClientRequest, res: ClientResponse, why: string): void {
  const path = req.url!.split(/[?#]/, 1)[0]!.slice(0, LONGEST_TARGET);
  const visit = visitOf(deps, req, res, { match: undefined, path, query: '', host: '', hostHeader: '' }, false);
  res.on('close', () => deps.onRefused(visit));
  visit.extra.push('connection', 'close');
  visit.refuse(refuse('invalid_request', why));
}

const NONE: readonly string[] = [];
const ignore = (): void => {};

/** A target that is longer than any route takes. */
export const tooLong = (req: ClientRequest): boolean => req.url!.length > LONGEST_TARGET;
