/** Why an HTTP exchange failed, other than by an error of the socket. The messages name no host and no credential. */

export type HttpFaultCode =
  /** The answer is not HTTP/1.1, or has what must not be passed on. */
  | 'BAD_STATUS_LINE'
  | 'BAD_HEADER'
  | 'BAD_LENGTH'
  | 'BAD_CODING'
  | 'BAD_CHUNK'
  | 'BAD_UPGRADE'
  | 'HEADERS_TOO_LARGE'
  /** The request cannot be sent. */
  | 'BAD_REQUEST'
  | 'BAD_REQUEST_LENGTH'
  | 'BODY_BROKEN'
  /** The upstream ended the connection. */
  | 'CLOSED'
  /** The gateway ended the connection. */
  | 'SHUT';

const NOT_HTTP: ReadonlySet<HttpFaultCode> = new Set([
  ...(['BAD_STATUS_LINE', 'BAD_HEADER', 'BAD_LENGTH', 'BAD_CODING', 'BAD_CHUNK', 'BAD_UPGRADE'] as const),
  'HEADERS_TOO_LARGE',
]);

export class HttpFault extends Error {
  readonly code: HttpFaultCode;

  constructor(code: HttpFaultCode, message = 'not HTTP') {
    super(message);
    this.name = 'HttpFault';
    this.code = code;
  }

  /** The upstream does not speak HTTP. */
  get notHttp(): boolean {
    return NOT_HTTP.has(this.code);
  }

  /** The request itself was at fault. */
  get notSendable(): boolean {
    return this.code === 'BAD_REQUEST' || this.code === 'BAD_REQUEST_LENGTH';
  }
}
