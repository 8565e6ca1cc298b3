/** A wait that ends early where the request is given up. */
import type { ResponseWriter } from './response-writer.js';

export function pause(ms: number, writer: ResponseWriter): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    writer.onGone(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
