/** One question over HTTP, by the connections that requests take: through a proxy, with authorities and certificates of its own. */
import { systemClock } from '../../lib/clock.js';
import type { Via } from '../../upstream/http1/connections.js';
import { Questions } from '../../upstream/question.js';

const ANSWER_MS = 10_000;
const MOST_BYTES = 8 * 1024 * 1024;

export type Answered =
  | { readonly status: number; readonly text: string }
  /** `reached`: there was a connection. */
  | { readonly failed: string; readonly reached: boolean };

/** Asks with GET, once. */
export async function ask(
  url: URL,
  headers: Readonly<Record<string, string>>,
  via: Via | undefined,
): Promise<Answered> {
  const questions = new Questions(systemClock, () => via);
  try {
    const answer = await questions.ask(url, {
      headers: { accept: 'application/json', ...headers },
      timeouts: { connect: ANSWER_MS, idle: ANSWER_MS, total: ANSWER_MS },
      mostBytes: MOST_BYTES,
    });
    if (answer.kind === 'answered') return { status: answer.status, text: answer.body.toString('utf8') };
    if (answer.kind === 'too_long') return { failed: `Its answer is longer than ${MOST_BYTES} bytes.`, reached: true };
    return { failed: answer.failure.message, reached: answer.failure.kind !== 'connect' };
  } finally {
    questions.close();
  }
}
