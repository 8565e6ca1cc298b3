/**
 * `tollgate serve`: loads the configuration, serves until SIGTERM or SIGINT, and then writes what waits. SIGINT comes from somebody
 * at a terminal, and nobody has to be told to go elsewhere: there is no drain. SIGHUP reads the configuration again.
 */
import { type Start, startApp } from '../app/app.js';
import { loadConfig } from '../config/load.js';
import { loadElsewhere } from '../config/load-elsewhere.js';
import { formatProblem } from '../config/problem.js';
import type { ProviderTypes } from '../config/references.js';
import { packageRoot } from '../lib/root.js';
import { messageOf } from '../lib/thrown.js';
import type { ProviderType } from '../provider/provider-type.js';
import { createLog } from '../telemetry/log.js';

export interface ServeArgs {
  readonly config?: string | undefined;
  readonly providers: Readonly<Record<string, ProviderType>>;
  readonly providerTypes: ProviderTypes;
}

/** Resolves with an exit code where the gateway did not start; else it goes on until it is told to end. */
export async function serve(args: ServeArgs): Promise<number | undefined> {
  const options = {
    ...{ file: args.config, env: process.env, cwd: process.cwd() },
    providerTypes: args.providerTypes,
  };
  const loaded = loadConfig(options);
  if (!loaded.ok) {
    for (const problem of loaded.problems) console.error(formatProblem(problem));
    return 1;
  }
  const { level } = loaded.config.telemetry.log;
  // Of several processes this is the first.
  const running = createLog(level, 1, loaded.config.server.workers > 1 ? 1 : 0);
  try {
    const load: Start['load'] = (again, added, draft) => loadElsewhere({ ...options, again, added, draft });
    let started: Started | undefined;
    process.on('SIGHUP', () => started?.reload('signal'));
    const app = await startApp({
      ...{ loaded, load, providers: args.providers },
      ...{ log: running.log, access: running.access },
    });
    started = app;
    console.log(greeting(app, loaded));
    endOnSignal(app, running);
    return undefined;
  } catch (error) {
    await running.close();
    console.error(`Tollgate did not start: ${messageOf(error)}`);
    return 1;
  }
}

type Started = Awaited<ReturnType<typeof startApp>>;

type Chosen = Extract<ReturnType<typeof loadConfig>, { ok: true }>;

function greeting({ url, adminKeyFile, demoKeyFile, demoKey }: Started, { config, file, source }: Chosen): string {
  const lines = [`Tollgate is ready: ${url}`, `Console:    ${url}/ui`, `Admin API:  ${url}/admin/v1/openapi.json`];
  const shipped = file.startsWith(packageRoot) && source.baseDir !== packageRoot;
  lines.push(
    `Config:     ${file}${shipped ? ' (there is no config.yaml here, so the one that comes with Tollgate is used)' : ''}`,
    `Database:   ${config.database.url === null ? `embedded, in ${config.data_dir}` : databaseName(config.database.url)}`,
    `Files:      ${config.data_dir}`,
  );
  lines.push(adminKeyFile ? `Admin key:  in ${adminKeyFile}` : 'Admin key:  as configured');
  if (!demoKey) return [...lines, ...(demoKeyFile === null ? [] : [`Demo key:   in ${demoKeyFile}`])].join('\n');
  const body = '{"model":"sandbox","messages":[{"role":"user","content":"Hello"}]}';
  lines.push(`Demo key:   in ${demoKeyFile}`, '', 'Try it:', '');
  lines.push(
    `curl ${url}/v1/chat/completions -H 'authorization: Bearer ${demoKey}' -H 'content-type: application/json' -d '${body}'`,
  );
  return `${lines.join('\n')}\n`;
}

/** Host and database, without user and password. */
function databaseName(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres at ${host}${pathname}`;
}

function endOnSignal(app: Started, log: ReturnType<typeof createLog>): void {
  let ending = false;
  const end = (signal: NodeJS.Signals): void => {
    if (ending) process.exit(1); // a second signal does not wait
    ending = true;
    const ended = app.close({ drain: signal === 'SIGTERM' }).then(
      () => 0,
      (error: unknown) => {
        console.error(error);
        return 1;
      },
    );
    void ended.then(async (code) => {
      await log.close();
      process.exit(code);
    });
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}
