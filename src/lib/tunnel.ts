/**
 * A connection through an HTTP proxy (CONNECT, RFC 9110 9.3.6), for `http:` and `https:` alike: what goes through is nobody's
 * business but the two ends'. The proxy's credentials go to the proxy and to nobody else, and no error names them.
 */
import { connect, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface TunnelTo {
  /** `http://user:password@proxy.example.com:3128` */
  readonly proxy: string;
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** Where the proxy's name is looked up; left out: the system's way. */
  readonly lookup?: LookupFunction | undefined;
}

export interface Opening {
  destroy(error?: Error): unknown;
}

/** As undici's are: with a socket in `to` it speaks TLS over that. */
export type Connector = (to: object, callback: (error: Error | null, socket?: Socket) => void) => Opening;

const MOST_HEAD_BYTES = 16 * 1024;

/** The proxy is away or does not let one through: nothing is known of what lies behind it. */
export class ProxyRefused extends Error {
  readonly code = 'PROXY_REFUSED';
  override readonly name = 'ProxyRefused';
}

/** `done` is called once. The proxy's URL is one in which `proxyProblem` finds nothing. */
export function openTunnel(to: TunnelTo, done: (error: Error | null, socket?: Socket) => void): Opening {
  const proxy = new URL(to.proxy);
  const head = askFor(to, proxy);
  const host = proxy.hostname.replace(/^\[|\]$/g, '');
  const secure = proxy.protocol === 'https:';
  const lookup = to.lookup ? { lookup: to.lookup } : {};
  const port = Number(proxy.port) || (secure ? 443 : 80);
  const socket = secure
    ? connectTls({ host, port, ...lookup, ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }) })
    : connect({ host, port, ...lookup });
  let over = false;
  let answer = Buffer.alloc(0);
  const timer = setTimeout(() => fail(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })), to.timeoutMs);
  const settle = (): boolean => {
    if (over) return false;
    over = true;
    clearTimeout(timer);
    socket.off('data', onData).off('error', onError).off('close', onClose);
    socket.on('error', () => {});
    return true;
  };
  const fail = (error: Error): void => {
    if (!settle()) return;
    socket.destroy();
    done(error);
  };
  const onError = (error: NodeJS.ErrnoException): void =>
    fail(
      error.code === 'ETIMEDOUT'
        ? error
        : new ProxyRefused(`The proxy cannot be reached (${error.code ?? error.name}).`),
    );
  const onClose = (): void => fail(new ProxyRefused('The proxy closed the connection.'));
  const onData = (piece: Buffer): void => {
    answer = Buffer.concat([answer, piece]);
    const end = answer.indexOf('\r\n\r\n');
    if (end === -1) {
      if (answer.length > MOST_HEAD_BYTES) fail(new ProxyRefused('The proxy does not answer in HTTP.'));
      return;
    }
    const status = /^HTTP\/1\.[01] (\d{3})(?: |\r)/.exec(answer.toString('latin1', 0, Math.min(end + 2, 64)))?.[1];
    if (status === undefined) return fail(new ProxyRefused('The proxy does not answer in HTTP.'));
    if (!status.startsWith('2')) return fail(new ProxyRefused(`The proxy refuses the connection (${status}).`));
    if (!settle()) return;
    socket.pause();
    if (answer.length > end + 4) socket.unshift(answer.subarray(end + 4));
    done(null, socket);
  };
  socket.setNoDelay(true).setKeepAlive(true, 60_000);
  socket.on('data', onData).on('error', onError).on('close', onClose);
  socket.once(secure ? 'secureConnect' : 'connect', () => socket.write(head));
  return { destroy: (error = new Error('given up')) => fail(error) };
}

/** Speaks TLS, where it is to be spoken, through the proxy's tunnel. Names are looked up by the proxy. */
export function throughProxy(
  { protocol, hostname, port }: URL,
  via: Pick<TunnelTo, 'proxy' | 'timeoutMs' | 'lookup'>,
  direct: Connector,
): Connector {
  const host = hostname.replace(/^\[|\]$/g, '');
  const secure = protocol === 'https:';
  const to = { ...via, host, port: Number(port) || (secure ? 443 : 80) };
  return (own, callback) => {
    let opening: Opening = openTunnel(to, (error, socket) => {
      if (error || !socket) return callback(error);
      if (!secure) {
        callback(null, socket);
        return void socket.resume(); // the tunnel left it paused, so that nothing is lost in between
      }
      opening = direct({ ...own, httpSocket: socket }, callback);
    });
    return { destroy: (error) => opening.destroy(error) };
  };
}

function askFor({ host, port }: TunnelTo, { username, password }: URL): string {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const user = decodeURIComponent(username);
  const credential = Buffer.from(`${user}:${decodeURIComponent(password)}`).toString('base64');
  const auth = username === '' && password === '' ? '' : `Proxy-Authorization: Basic ${credential}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${auth}\r\n`;
}
