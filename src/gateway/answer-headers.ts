/** What the headers of an upstream's answer say of an error. */
import type { AnswerHeaders } from '../upstream/attempt.js';

/** `ThrottlingException:http://internal.amazon.com/...`: what stands before the colon. */
export function errorTypeIn(headers: AnswerHeaders, name: string | undefined): string | undefined {
  const written = name === undefined ? undefined : headers.get(name);
  return written === undefined ? undefined : written.split(':', 1)[0]!.slice(0, 200);
}
