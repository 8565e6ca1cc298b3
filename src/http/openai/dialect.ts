/** The gateway's own words in the OpenAI dialect: `{"error": {"message", "type", "param", "code"}}`. */
import type { CallerDialect } from '../../gateway/call.js';
import { errorTable, type Refusal } from '../../lib/errors.js';

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

export const openaiDialect: CallerDialect = {
  errorBody: (refusal) => Buffer.from(errorOf(refusal)),
  errorEvent: (refusal) => Buffer.from(`data: ${errorOf(refusal)}\n\n`),
  keepAlive: Buffer.from(': keep-alive\n\n'),
};
