/** The gateway's own words in OpenAI's formats: `{"error": {"message", "type", "param", "code"}}`. */
import { errorTable, type Refusal } from '../../lib/errors.js';
import type { ErrorWriter } from '../format.js';

function errorOf(refusal: Refusal): string {
  const { upstream } = refusal;
  return JSON.stringify({
    error: {
      message: refusal.message,
      type: upstream?.type ?? errorTable[refusal.code].type,
      param: refusal.param ?? null,
      code: upstream?.code === undefined ? refusal.code : upstream.code,
    },
  });
}

export const openaiErrors: ErrorWriter = {
  body: (refusal) => Buffer.from(errorOf(refusal)),
  event: (refusal) => Buffer.from(`data: ${errorOf(refusal)}\n\n`),
  keepAlive: Buffer.from(': keep-alive\n\n'),
};
