/** Why an exchange failed, where it was not the socket. Words that name no host and no credential. */

export type Fault =
  /** What came is not HTTP/1.1, or not what may be passed on. */
  | 'BAD_STATUS_LINE'
  | 'BAD_HEADER'
  | 'BAD_LENGTH'
  | 'BAD_CODING'
  | 'BAD_CHUNK'
  | 'BAD_UPGRADE'
  | 'HEADERS_TOO_LARGE'
  /** What was to be sent cannot be. */
  | 'BAD_REQUEST'
  | 'BAD_REQUEST_LENGTH'
  | 'BODY_BROKEN'
  /** The other side ended the connection. */
  | 'CLOSED'
  /** This side did. */
  | 'SHUT';

const NOT_HTTP: ReadonlySet<Fault> = new Set([
  ...(['BAD_STATUS_LINE', 'BAD_HEADER', 'BAD_LENGTH', 'BAD_CODING', 'BAD_CHUNK', 'BAD_UPGRADE'] as const),
  'HEADERS_TOO_LARGE',
]);

export class HttpFault extends Error {
  readonly code: Fault;

  constructor(code: Fault, message = 'not HTTP') {
    super(message);
    this.name = 'HttpFault';
    this.code = code;
  }

  /** The other side does not speak HTTP. */
  get notHttp(): boolean {
    return NOT_HTTP.has(this.code);
  }

  /** It was ours: the request itself. */
  get notSendable(): boolean {
    return this.code === 'BAD_REQUEST' || this.code === 'BAD_REQUEST_LENGTH';
  }
}
