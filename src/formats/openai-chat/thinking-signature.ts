/** Thinking of OpenAI's models travels in `thinking_blocks` under a mark: who signs thinking himself must not be sent it. */
export const OPENAI_SIGNATURE = 'openai:';

export const isForeignSignature = (signature: unknown): boolean =>
  typeof signature === 'string' && signature.startsWith(OPENAI_SIGNATURE);
