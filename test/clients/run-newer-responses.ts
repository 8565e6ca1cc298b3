/**
 * Runs the scenarios of the Responses API with the `openai` package installed in the folder of the first argument, in whatever
 * Node runs this, and prints one JSON line for each. The second argument is the context, the rest are models.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { type ResponsesLibrary, responsesScenarios } from './responses-scenarios.js';
import type { Context } from './scenario.js';

const [root, given, ...models] = process.argv.slice(2);
const { resolve } = createRequire(join(root!, 'package.json'));
const load = async <T>(name: string): Promise<T> => (await import(pathToFileURL(resolve(name)).href)) as T;

const library: ResponsesLibrary = {
  ...(await load<Pick<ResponsesLibrary, 'OpenAI'>>('openai')),
  ...(await load<Pick<ResponsesLibrary, 'zodTextFormat' | 'zodResponsesFunction'>>('openai/helpers/zod')),
  ...(await load<Pick<ResponsesLibrary, 'z'>>('zod')),
};
const context = JSON.parse(given!) as Context;

for (const model of models)
  for (const { name, run } of responsesScenarios(model)) {
    const error = await run(library, context).then(
      () => null,
      (reason: unknown) => inspect(reason),
    );
    console.log(JSON.stringify({ name, error }));
  }
