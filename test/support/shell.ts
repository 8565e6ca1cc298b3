/** Commands as a person types them: run to their end, or left running and read line by line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { endWithTest } from './end-with-test.js';

export interface Ran {
  readonly code: number | null;
  /** Both outputs as they came. */
  readonly output: string;
}

interface Where {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

const isArgv = (command: string | readonly string[]): command is readonly string[] => typeof command !== 'string';

function start(
  command: string | readonly string[],
  { cwd, env }: Where,
): { child: ChildProcess; output: () => string } {
  const [program, ...args] = isArgv(command) ? command : ['sh', '-c', command];
  // A group of its own, as in a terminal, so that a signal reaches everything that the command started.
  const child = spawn(program!, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8');
    stream.on('data', (piece: string) => {
      text += piece;
      child.emit('printed');
    });
  }
  return { child, output: () => stripVTControlCharacters(text) };
}

export async function runCommand(command: string | readonly string[], where: Where): Promise<Ran> {
  const { child, output } = start(command, where);
  const spare = endWithTest(() => signalGroup(child, 'SIGKILL'));
  await once(child, 'close');
  spare();
  return { code: child.exitCode, output: output() };
}

export interface Running {
  readonly output: () => string;
  /** Settles once the output matches; rejects where the command ends or `withinMs` pass before. */
  until(pattern: RegExp, withinMs: number): Promise<RegExpExecArray>;
  /** Signals the whole group and waits until all of it has closed its outputs. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

export function startCommand(command: string | readonly string[], where: Where): Running {
  const { child, output } = start(command, where);
  const spare = endWithTest(() => signalGroup(child, 'SIGKILL'));
  const closed = once(child, 'close');
  let open = true;
  closed.then(() => {
    open = false;
    spare();
    child.emit('printed');
  });
  return {
    output,
    until: (pattern, withinMs) =>
      new Promise((resolve, reject) => {
        const over = (settle: () => void) => {
          clearTimeout(timer);
          child.off('printed', look);
          settle();
        };
        const look = () => {
          const found = pattern.exec(output());
          if (found) over(() => resolve(found));
          else if (!open) over(() => reject(new Error(`The command ended:\n${output()}`)));
        };
        const timer = setTimeout(
          () => over(() => reject(new Error(`Not within ${withinMs} ms:\n${output()}`))),
          withinMs,
        );
        child.on('printed', look);
        look();
      }),
    end: async (signal = 'SIGTERM') => {
      if (open) signalGroup(child, signal);
      await closed;
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // It has ended already.
  }
}
