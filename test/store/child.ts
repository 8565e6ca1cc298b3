/** Starts `embedded-child.js` and reads what it says, line by line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Child {
  readonly process: ChildProcess;
  /** The next line that it says. */
  line(): Promise<string>;
  /** Ends it as `kill -9` does, or kindly; answers every line that was not read yet. */
  end(signal: 'SIGKILL' | 'stdin'): Promise<string[]>;
}

export function startChild(...args: string[]): Child {
  const script = fileURLToPath(new URL('./embedded-child.js', import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const reader = createInterface({ input: child.stdout });
  const lines = reader[Symbol.asyncIterator]();
  return {
    process: child,
    async line() {
      const { value, done } = await lines.next();
      if (done) throw new Error('the child ended');
      return value;
    },
    async end(signal) {
      const ended = once(child, 'exit');
      if (signal === 'SIGKILL') child.kill('SIGKILL');
      else child.stdin.end();
      await ended;
      const rest: string[] = [];
      for await (const line of lines) rest.push(line);
      return rest;
    },
  };
}
