/**
 * Connects sockets with their `Connection`. Plain TCP is read into one buffer that all connections share; the bytes are used up
 * inside the callback of the read, so no stream is needed. TLS sockets, and sockets that may be given away after an upgrade,
 * emit `data` instead. So do all sockets on Windows, where a pending read occupies its buffer.
 */
import type { Socket } from 'node:net';
import type { Connection } from './connection.js';
import { HttpFault } from './faults.js';

const CONNECTION = Symbol('connection');

interface Wired extends Socket {
  [CONNECTION]?: Connection;
}

const READ_BYTES = 64 * 1024;
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

export const SHARED_READS = process.platform !== 'win32';

/** The option `onread` of `net.connect`; `this` is the socket in the callback. */
export const onread = {
  buffer,
  callback(this: Wired, length: number): boolean {
    this[CONNECTION]?.read(buffer, length, false);
    return true;
  },
};

export function watch(socket: Wired, connection: Connection, ownReads: boolean): void {
  socket[CONNECTION] = connection;
  if (ownReads) socket.on('data', onData);
  socket.on('end', onEnd).on('error', onError).on('close', onClose);
}

/** Removes all listeners, so that the socket can be given away. */
export function unwatch(socket: Wired): void {
  delete socket[CONNECTION];
  socket.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
}

function onData(this: Wired, piece: Buffer): void {
  this[CONNECTION]?.read(piece, piece.length, true);
}

function onEnd(this: Wired): void {
  this[CONNECTION]?.ended();
}

function onError(this: Wired, error: Error): void {
  this[CONNECTION]?.lost(error);
}

function onClose(this: Wired): void {
  const connection = this[CONNECTION];
  if (connection && !connection.gone) connection.lost(new HttpFault('CLOSED', 'the connection was closed'));
}
