/** The caller's side of an answer. */
export interface ResponseWriter {
  /** The head of the answer: names and values in turn. Once. */
  head(status: number, headers: readonly string[]): void;
  /** False where the caller does not keep up: wait for `onDrain`. */
  write(bytes: Buffer): boolean;
  end(bytes?: Buffer): void;
  /** Writes `event` and closes the connection without the clean end that HTTP has for a whole answer. */
  breakOff(event: Buffer): void;
  onDrain(listener: () => void): void;
  /** Each listener is called once where the request is given up before its end: at once where it is already. */
  onGone(listener: () => void): void;
  readonly started: boolean;
  /** Nobody waits for the answer: the caller left, or the gateway ends. */
  readonly gone: boolean;
  /** The gateway ends, and the caller is still there to be told. */
  readonly interrupted: boolean;
}
