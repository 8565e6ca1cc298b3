import { Agent, OpenAIResponsesModel, run, setTracingDisabled, tool } from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';

setTracingDisabled(true);
const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
const asked = [];
const look = tool({
  name: 'look',
  description: 'Looks somewhere.',
  parameters: z.object({ where: z.string() }),
  execute: async ({ where }) => {
    asked.push(where);
    return 'a tree';
  },
});
const model = new OpenAIResponsesModel(client, process.env.MODEL);
const agent = new Agent({ name: 'gardener', instructions: 'Look first.', model, tools: [look] });
const { finalOutput } = await run(agent, 'What is there?');
const stream = await run(agent, 'What is there?', { stream: true });
for await (const _event of stream);
await stream.completed;
console.log(JSON.stringify({ output: finalOutput, streamed: stream.finalOutput, asked }));
