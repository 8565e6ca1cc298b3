/**
 * Requests of one connection are begun one after the other: each when the answer to the one before it is with the client. So
 * nothing is written for an answer whose turn has not come (an interim answer, the end of a broken stream), and what stands
 * behind an answer that ends the connection is never begun.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Turn {
  running: boolean;
  readonly waiting: { readonly response: ServerResponse; readonly begin: () => void }[];
}

/** Requests that a client may send ahead of its answers. */
const MOST_WAITING = 256;
const turn = Symbol('turn');
type Taking = Socket & { [turn]?: Turn };

const turnOf = (socket: Taking): Turn => (socket[turn] ??= { running: false, waiting: [] });

/** A request of this connection is being answered. */
export const isBusy = (socket: Socket): boolean => (socket as Taking)[turn]?.running === true;

export function inTurn({ socket }: IncomingMessage, response: ServerResponse, begin: () => void): void {
  const { running, waiting } = turnOf(socket);
  if (!running) return run(socket, response, begin);
  if (waiting.length < MOST_WAITING) waiting.push({ response, begin });
  else socket.destroy();
}

function run(socket: Socket, response: ServerResponse, begin: () => void): void {
  const mine = turnOf(socket);
  mine.running = true;
  response.on('close', () => {
    // The answer was the last: nothing behind it is begun, and nothing that still comes.
    if (socket.destroyed || socket.writableEnded) return void mine.waiting.splice(0);
    mine.running = false;
    const next = mine.waiting.shift();
    if (next) run(socket, next.response, next.begin);
  });
  begin();
}
