/** Claude Code completes a turn with a call of a tool, against a Claude behind the gateway and against another model. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { messageOf, messageStreamOf } from '../support/anthropic-answers.js';
import { type AnthropicGateway, startAnthropicGateway } from '../support/anthropic-gateway.js';
import { claudeCode, runClaudeCode } from '../support/claude-code.js';
import { answerChat } from '../support/openai-answers.js';
import { json, type Received, type Step, sse } from '../support/upstream-steps.js';

const COMMAND = 'echo the-toll-is-paid';

let sdk: AnthropicGateway;
let command: string;

before(async () => {
  [sdk, command] = await Promise.all([startAnthropicGateway(), claudeCode()]);
});
after(() => sdk?.close());

interface Turn {
  readonly role: string;
  readonly content: unknown;
}

const lastOf = (request: Received): string => JSON.stringify((request.json()['messages'] as readonly Turn[]).slice(-3));
const hasBash = (request: Received): boolean => JSON.stringify(request.json()['tools'] ?? []).includes('"Bash"');

/** A model that runs one command and says what came of it. */
function asClaude(request: Received): readonly Step[] {
  if (request.path.includes('count_tokens')) return json(200, { input_tokens: 100 });
  const text = 'It printed the-toll-is-paid.';
  const content =
    hasBash(request) && !lastOf(request).includes('tool_result')
      ? {
          type: 'tool_use' as const,
          id: 'toolu_01Bash',
          name: 'Bash',
          input: { command: COMMAND, description: 'Say it' },
        }
      : { type: 'text' as const, text };
  const body = request.json() as never;
  return request.json()['stream'] === true
    ? sse(...messageStreamOf(body, [content]))
    : json(200, messageOf(body, [content]));
}

const asAnother = (request: Received): readonly Step[] =>
  answerChat(
    request,
    hasBash(request) && !lastOf(request).includes('"role":"tool"')
      ? { calls: [{ name: 'Bash', arguments: JSON.stringify({ command: COMMAND, description: 'Say it' }) }] }
      : { text: 'It printed the-toll-is-paid.' },
  );

for (const [kind, behaviour] of [
  ['native', asClaude],
  ['crossed', asAnother],
] as const) {
  describe(`Claude Code, ${kind}`, () => {
    it('runs the command that the model asks for, and says what the model says then', async () => {
      sdk.upstream.always(behaviour);
      const { baseURL, apiKey, model } = sdk.contexts[kind];
      const from = sdk.upstream.requests.length;
      const run = await runClaudeCode(command, `Run the command: ${COMMAND}`, {
        ANTHROPIC_BASE_URL: baseURL,
        ANTHROPIC_AUTH_TOKEN: apiKey,
        ANTHROPIC_MODEL: model,
        ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      });
      assert.equal(run.is_error, false, run.result);
      assert.match(run.result, /the-toll-is-paid/);
      const asked = sdk.upstream.requests.slice(from);
      const last = asked.findLast(hasBash)!;
      assert.match(lastOf(last), /the-toll-is-paid/, 'the result of the command reached the model');
      if (kind === 'native') assert.match(String(last.headers['anthropic-beta']), /claude-code/);
    });
  });
}
