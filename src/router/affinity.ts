/**
 * What makes requests belong together, so that they go to the same target: providers keep the beginning of a prompt warm, and
 * only where it was before. The beginning is what stays the same as a conversation goes on: the tools, the instructions and
 * the first message. Pure.
 */

import { createHash } from 'node:crypto';
import type { Json } from '../lib/json.js';

const LONGEST = 64 * 1024;

/** A short name of the beginning of a chat's prompt; the caller's own `prompt_cache_key` where it has one. */
export function promptAffinity(request: Json): string {
  const own = request['prompt_cache_key'];
  if (typeof own === 'string' && own !== '') return own.slice(0, 256);
  const messages: unknown[] = Array.isArray(request['messages']) ? request['messages'] : [];
  const begin: unknown[] = [request['tools'] ?? null];
  for (const message of messages) {
    begin.push(message);
    if (!isInstruction(message)) break;
  }
  return createHash('sha256').update(JSON.stringify(begin).slice(0, LONGEST)).digest('base64url').slice(0, 22);
}

function isInstruction(message: unknown): boolean {
  const role = typeof message === 'object' && message !== null ? (message as Json)['role'] : undefined;
  return role === 'system' || role === 'developer';
}
