/** Text and bytes in as few writes as are worth it. */
import type { Writable } from 'node:stream';

/** What is larger is not copied to go out with what stands around it. */
const COPIED_BYTES = 64 * 1024;

/** `before` and `after` are text of one byte a character. False: wait for `drain`. `done` is called when the system has it. */
export function writeTogether(to: Writable, before: string, bytes: Buffer, after: string, done?: () => void): boolean {
  if (bytes.length > COPIED_BYTES) {
    to.cork();
    if (before !== '') to.write(before, 'latin1');
    let more = to.write(bytes, after === '' ? done : undefined);
    if (after !== '') more = to.write(after, 'latin1', done);
    to.uncork();
    return more;
  }
  const all = Buffer.allocUnsafe(before.length + bytes.length + after.length);
  all.write(before, 0, 'latin1');
  all.set(bytes, before.length);
  if (after !== '') all.write(after, before.length + bytes.length, 'latin1');
  return to.write(all, done);
}
