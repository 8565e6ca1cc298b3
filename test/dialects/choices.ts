/** Answers with several choices, each with the probabilities of its tokens, as targets that have such tell them. */
import { event } from '../support/openai-answers.js';
import { responseEvents, responseTo } from '../support/openai-responses-answers.js';
import { head, json, type Step, sse, sseHeaders, write } from '../support/upstream-steps.js';

const SAID = ['Yes', 'No'];
const LOGPROB = -0.4242;

const token = (said: string) => ({ token: said, logprob: LOGPROB, bytes: [...Buffer.from(said)] });
const logprobs = (said: string) => ({ content: [{ ...token(said), top_logprobs: [token(said)] }], refusal: null });

export const choicesAs: Readonly<
  Record<'chat' | 'gemini' | 'responses', (count: number, stream: boolean) => readonly Step[]>
> = { chat, gemini, responses };

function chat(count: number, stream: boolean): readonly Step[] {
  const said = SAID.slice(0, count);
  const usage = { prompt_tokens: 10, completion_tokens: count, total_tokens: 10 + count };
  const base = { id: 'chatcmpl-1', created: 1, model: 'm' };
  if (!stream)
    return json(200, {
      ...{ ...base, object: 'chat.completion', usage },
      choices: said.map((content, index) => ({
        ...{ index, message: { role: 'assistant', content }, logprobs: logprobs(content), finish_reason: 'stop' },
      })),
    });
  const chunk = (choices: object[], more: object = {}) =>
    event({ ...base, object: 'chat.completion.chunk', choices, ...more });
  return sse(
    ...said.map((content, index) =>
      chunk([{ index, delta: { role: 'assistant', content }, logprobs: logprobs(content) }]),
    ),
    ...said.map((_, index) => chunk([{ index, delta: {}, finish_reason: 'stop' }])),
    chunk([], { usage }),
    'data: [DONE]\n\n',
  );
}

function gemini(count: number, stream: boolean): readonly Step[] {
  const candidates = SAID.slice(0, count).map((text, index) => {
    const candidate = { token: text, logProbability: LOGPROB };
    return {
      ...{ index, content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP' },
      logprobsResult: { chosenCandidates: [candidate], topCandidates: [{ candidates: [candidate] }] },
    };
  });
  const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: count, totalTokenCount: 10 + count };
  if (!stream) return json(200, { candidates, usageMetadata });
  const events = candidates.map((one, at) => ({ candidates: [one], ...(at === count - 1 && { usageMetadata }) }));
  return [head(200, sseHeaders), ...events.map((one) => write(`data: ${JSON.stringify(one)}\r\n\r\n`))];
}

function responses(_count: number, stream: boolean): readonly Step[] {
  const [text = ''] = SAID;
  const content = [{ type: 'output_text', text, annotations: [], logprobs: logprobs(text).content }];
  const response = {
    ...responseTo({ model: 'm', input: 'x' }),
    output: [{ id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content }],
  };
  return stream ? sse(...responseEvents(response)) : json(200, response);
}
