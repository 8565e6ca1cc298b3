/**
 * Runs all scenarios with the libraries installed in the folder of the first argument, in whatever Node runs this, and
 * prints one JSON line for each. The second argument is the context.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { type AiLibrary, aiScenarios } from './ai-scenarios.js';
import { type OpenAiLibrary, openaiScenarios } from './openai-scenarios.js';
import type { Context, Scenario } from './scenario.js';

const [root, given] = process.argv.slice(2);
const { resolve } = createRequire(join(root!, 'package.json'));
const load = async <T>(name: string): Promise<T> => (await import(pathToFileURL(resolve(name)).href)) as T;

const { z } = await load<Pick<OpenAiLibrary, 'z'>>('zod');
const openai: OpenAiLibrary = {
  OpenAI: (await load<{ OpenAI: OpenAiLibrary['OpenAI'] }>('openai')).OpenAI,
  zodResponseFormat: (await load<OpenAiLibrary>('openai/helpers/zod')).zodResponseFormat,
  z,
};
const ai: AiLibrary = {
  ai: await load<AiLibrary['ai']>('ai'),
  createOpenAICompatible: (await load<AiLibrary>('@ai-sdk/openai-compatible')).createOpenAICompatible,
  z,
};
const context = JSON.parse(given!) as Context;

async function runAll<Library>(of: string, scenarios: readonly Scenario<Library>[], library: Library): Promise<void> {
  for (const { name, run } of scenarios) {
    const error = await run(library, context).then(
      () => null,
      (reason: unknown) => inspect(reason),
    );
    console.log(JSON.stringify({ name: `${of}: ${name}`, error }));
  }
}

await runAll('openai', openaiScenarios, openai);
await runAll('ai', aiScenarios, ai);
