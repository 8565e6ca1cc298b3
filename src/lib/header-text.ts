/**
 * What a header says, where it may be more than ASCII. Node reads a header byte by byte (latin-1), while most clients write UTF-8:
 * bytes that are UTF-8 are read as that, and all others stay as they are.
 */
import { isUtf8 } from 'node:buffer';

const BEYOND_ASCII = /[\u0080-\u00ff]/;

export function headerText(value: string): string {
  if (!BEYOND_ASCII.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value;
}
