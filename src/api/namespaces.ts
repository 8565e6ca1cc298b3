/** Paths that are the gateway's own and have no handler: what lies around the rows of the table, and what this version lacks. */
import type { Dialect } from './table.js';

/** A path that is the gateway's own with everything below it, without a handler: requests for it are answered with 404. */
export interface OwnPath {
  readonly path: string;
  readonly dialect: Dialect;
}

const openai = (path: string): OwnPath => ({ path, dialect: 'openai-chat' });
const problem = (path: string): OwnPath => ({ path, dialect: 'problem' });

/** Where the rows of the table lie. */
export const namespaces: readonly OwnPath[] = [
  openai('/v1'),
  openai('/v1/chat'),
  openai('/openai'),
  problem('/admin'),
  ...['/v1beta', '/v1alpha', '/v1beta1'].map((path): OwnPath => ({ path, dialect: 'google-rpc' })),
];

/** Endpoints that this version lacks. */
export const lacking: readonly OwnPath[] = [
  ...['/v1/moderations', '/v1/rerank', '/v1/files', '/v1/batches'].map(openai),
  ...['/v1/images/generations', '/v1/images/edits', '/v1/images/variations', '/v1/realtime'].map(openai),
  ...['/v1/audio/speech', '/v1/audio/transcriptions', '/v1/audio/translations', '/passthrough'].map(openai),
  { path: '/v1/messages/batches', dialect: 'anthropic-messages' },
  { path: '/v1beta/interactions', dialect: 'google-rpc' },
];
