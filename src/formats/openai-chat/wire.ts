/** The errors that a choice in the chat dialect tells of. */
import { errorIn, type ToldError } from '../error-body.js';

/** Finish reasons with which a server says that it failed: OpenRouter, DeepSeek, Z.ai, vLLM. */
const failedFinishes: ReadonlySet<unknown> = new Set([
  'error',
  'insufficient_system_resource',
  'network_error',
  'abort',
]);

/** The error that one choice of an answer or of a chunk tells of. */
export function errorInChoice(choice: object): ToldError | undefined {
  const told = errorIn({ error: (choice as { error?: unknown }).error });
  if (told) return told;
  const { finish_reason: finish } = choice as { finish_reason?: unknown };
  return failedFinishes.has(finish) ? { message: `The upstream ended its answer with '${finish}'.` } : undefined;
}

/** Finish reasons with which a server says that its policy withheld the answer: OpenAI and nearly all, and Z.ai. */
export const isFiltered = (finish: unknown): boolean => finish === 'content_filter' || finish === 'sensitive';
