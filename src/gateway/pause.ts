/** A wait that ends early where the caller leaves. */
import type { Reply } from './call.js';

export function pause(ms: number, reply: Reply): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    reply.onGone(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
