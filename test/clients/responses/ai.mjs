import { createOpenAI } from '@ai-sdk/openai';
import { generateObject, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const openai = createOpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY });
const model = openai(process.env.MODEL);
const look = tool({
  description: 'Looks.',
  inputSchema: z.object({ where: z.string() }),
  execute: async () => 'a tree',
});
const asked = { model, prompt: 'What is there?', tools: { look }, stopWhen: stepCountIs(3), maxRetries: 0 };
const { text, finishReason } = await generateText(asked);
const streamed = await streamText(asked).text;
const { object } = await generateObject({
  model,
  prompt: 'Who?',
  schema: z.object({ name: z.string() }),
  maxRetries: 0,
});
console.log(JSON.stringify({ text, streamed, object, finish: finishReason }));
