import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';

const model = new ChatOpenAI({
  model: process.env.MODEL,
  apiKey: process.env.API_KEY,
  useResponsesApi: true,
  maxRetries: 0,
  configuration: { baseURL: process.env.BASE_URL },
});
const { text } = await model.invoke('hello');
let streamed = '';
for await (const piece of await model.stream('hello')) streamed += piece.text;
const look = tool(async () => 'a tree', {
  name: 'look',
  description: 'Looks.',
  schema: z.object({ where: z.string() }),
});
const { tool_calls } = await model.bindTools([look]).invoke('What is there?');
const calls = tool_calls.map(({ name, args }) => ({ name, where: args.where }));
console.log(JSON.stringify({ text, streamed, calls }));
