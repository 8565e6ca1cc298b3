/** `tollgate check [config]`: validates a configuration and explains it. Starts nothing and sends nothing. */
import type { Config } from '../config/config.js';
import { describeConfig } from '../config/describe.js';
import { explainConfig, type Lack } from '../config/explain.js';
import { loadConfig } from '../config/load.js';
import { formatProblem } from '../config/problem.js';
import type { ProviderTypes } from '../config/references.js';
import { lookup } from '../pricing/catalogue.js';
import { catalogueProvider } from '../pricing/catalogue-provider.js';
import { ratesAt } from '../pricing/price.js';

export interface CheckArgs {
  readonly config?: string | undefined;
  readonly json: boolean;
  readonly providerTypes: ProviderTypes;
  /** What a provider's account lacks to be let in. */
  readonly lack: Lack;
  /** The process's own unless handed in. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly print?: (line: string) => void;
}

/** The exit code: 0, or 1 where the configuration is wrong. */
export async function check(args: CheckArgs): Promise<number> {
  const { json, providerTypes, lack, env = process.env, cwd = process.cwd(), print = console.log } = args;
  const loaded = loadConfig({ file: args.config, env, cwd, providerTypes });
  if (!loaded.ok) {
    const { problems } = loaded;
    if (json) print(JSON.stringify({ ok: false, problems }, null, 2));
    else for (const problem of problems) print(formatProblem(problem));
    return 1;
  }
  const { config, file, hash } = loaded;
  if (json) {
    const lacks = Object.entries(config.providers).flatMap(([name, provider]) => {
      const words = lack(provider);
      return words === undefined ? [] : [{ provider: name, lacks: words }];
    });
    print(JSON.stringify({ ok: true, file, hash, lacks, config: describeConfig(config) }, null, 2));
  } else {
    print(`${file} is valid.`);
    print('');
    for (const line of explainConfig(config, listPriceOf(config, providerTypes), lack)) print(line);
  }
  return 0;
}

/** Today's list price of a provider's model, in words. */
function listPriceOf(config: Config, types: ProviderTypes): (provider: string, model: string) => string | null {
  return (provider, model) => {
    const { type: typeName, catalogue, base_url } = config.providers[provider]!;
    const type = types[typeName];
    if (type?.free) return 'free';
    const price = lookup(catalogueProvider(catalogue, type?.catalogue ?? null, base_url), model, Date.now());
    if (!price) return null;
    const { input, output } = ratesAt(price, 0);
    return `$${input / 1e6} in, $${output / 1e6} out per million tokens (${price.version})`;
  };
}
