/** Waits for a process of a bench to say `listening <port>`; answers its URL. */
import type { ChildProcess } from 'node:child_process';

export async function listening(process: ChildProcess): Promise<string> {
  for await (const line of process.stdout!) {
    const port = /listening (\d+)/.exec(String(line))?.[1];
    if (port) return `http://127.0.0.1:${port}`;
  }
  throw new Error('a process of the bench did not start');
}
