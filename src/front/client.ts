/**
 * A request of a client and its answer as whoever serves them sees both: node's own objects, or those of a plain request. Of
 * node's response it is what is used.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { PlainRequest } from './plain-request.js';

export type ClientRequest = IncomingMessage | PlainRequest;

export interface ClientResponse {
  readonly socket: Socket | null;
  /** The head is settled, though it may not be under way. */
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  /** All of it went to the system. */
  readonly writableFinished: boolean;
  readonly chunkedEncoding: boolean;
  /** Names and values in turn. Throws where one cannot stand in a head. */
  writeHead(status: number, headers: string[]): unknown;
  writeHead(status: number, message: string, headers: string[]): unknown;
  flushHeaders(): void;
  /** False: wait for `drain`. */
  write(bytes: Buffer, done?: () => void): boolean;
  addTrailers(trailers: [string, string][]): void;
  end(bytes?: Buffer): unknown;
  writeContinue(): void;
  writeProcessing(): void;
  writeEarlyHints(hints: { link: string[] }): void;
  /** Breaks the connection off. */
  destroy(): unknown;
  /** `close`: the answer is with the client, or the client is gone. */
  on(event: 'close' | 'drain' | 'error', listener: () => void): unknown;
}

export type Handler = (request: ClientRequest, response: ClientResponse) => void;

/** Who serves a method and a target as they stand on the request line; undefined: nobody here. */
export type Direct = (method: string, url: string) => Handler | undefined;
