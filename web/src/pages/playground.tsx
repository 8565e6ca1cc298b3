/** One conversation with a model, streamed, with what it cost; and the same as code. */
import { Button, Card, Code, Flex, Tabs, Text } from '@radix-ui/themes';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, type ModelState } from '../api';
import { useIsFor } from '../me';
import { Choice, Field, LongField } from '../parts/fields';
import { AsJson, Lines } from '../parts/lines';
import { PageFrame, Problem } from '../parts/page';

interface Told {
  readonly text: string;
  readonly head: Readonly<Record<string, string>>;
  readonly usage: unknown;
}

const shown = ['x-request-id', 'x-tollgate-target', 'x-tollgate-attempts', 'x-tollgate-cache'];

export function PlaygroundPage() {
  // Whoever may not read the models of the gateway names one.
  const mayList = useIsFor('readAll');
  const models = useQuery({
    queryKey: ['models'],
    queryFn: () => get<{ data: readonly ModelState[] }>('/models'),
    enabled: mayList,
  });
  const [secret, setSecret] = useState('');
  const [written, setModel] = useState('sandbox');
  const [prompt, setPrompt] = useState('Say hello.');
  const [told, setTold] = useState<Told | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const names = models.data?.data.map(({ id }) => id).filter((id) => !id.includes('*')) ?? ['sandbox'];
  // The one that is shown is the one that is asked: a gateway without a sandbox begins with its first.
  const model = !mayList || names.includes(written) ? written : (names[0] ?? '');
  const ask = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    setTold(null);
    try {
      await stream(secret, model, prompt, setTold);
    } catch (thrown) {
      setError(thrown);
    }
    setBusy(false);
  };
  return (
    <PageFrame title="Playground" hint="A request as a client would send it, with a key of its own.">
      <form onSubmit={(event) => void ask(event)}>
        <Flex direction="column" gap="3">
          <Flex gap="3" wrap="wrap">
            <Field
              label="Virtual key"
              type="password"
              value={secret}
              onChange={setSecret}
              placeholder="sk-tg-…"
              required
            />
            {mayList ? (
              <Choice
                label="Model"
                value={model}
                onChange={setModel}
                options={names.map((name) => [name, name] as const)}
              />
            ) : (
              <Field label="Model" value={model} onChange={setModel} required />
            )}
          </Flex>
          <LongField label="Message" value={prompt} onChange={setPrompt} />
          <div>
            <Button type="submit" disabled={busy || secret === ''}>
              Send
            </Button>
          </div>
        </Flex>
      </form>
      {error !== null && <Problem error={error} />}
      {told && (
        <Card>
          <Flex direction="column" gap="2" aria-live="polite">
            <Lines>{told.text}</Lines>
            {Object.entries(told.head).map(([name, value]) => (
              <Text key={name} size="1" color="gray">
                {name}: <Code>{value}</Code>
              </Text>
            ))}
            {told.usage !== null && <AsJson of={told.usage} />}
          </Flex>
        </Card>
      )}
      <AsCode model={model} prompt={prompt} />
    </PageFrame>
  );
}

async function stream(secret: string, model: string, prompt: string, tell: (told: Told) => void): Promise<void> {
  const response = await fetch('/v1/chat/completions', {
    method: 'POST',
    headers: { authorization: `Bearer ${secret.trim()}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: prompt }],
    }),
  });
  if (!response.ok || !response.body) {
    const { error } = (await response.json()) as { error: { message: string } };
    throw new Error(error.message);
  }
  const head = Object.fromEntries(
    shown.flatMap((name) => (response.headers.get(name) ? [[name, response.headers.get(name)!]] : [])),
  );
  let text = '';
  let usage: unknown = null;
  let rest = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    rest += value;
    const events = rest.split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = event.startsWith('data: ') ? event.slice(6) : '';
      if (data === '' || data === '[DONE]') continue;
      const chunk = JSON.parse(data) as {
        choices?: { delta?: { content?: string } }[];
        usage?: unknown;
        x_tollgate?: unknown;
        error?: { message: string };
      };
      if (chunk.error) throw new Error(chunk.error.message);
      text += chunk.choices?.[0]?.delta?.content ?? '';
      if (chunk.usage) usage = { ...(chunk.usage as object), x_tollgate: chunk.x_tollgate };
    }
    tell({ text, head, usage });
  }
}

function AsCode({ model, prompt }: { model: string; prompt: string }) {
  const url = `${location.origin}/v1`;
  const messages = JSON.stringify([{ role: 'user', content: prompt }]);
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: prompt }] }).replaceAll("'", "'\\''");
  const snippets = {
    curl: `curl ${url}/chat/completions \\\n  -H "authorization: Bearer $TOLLGATE_KEY" \\\n  -H 'content-type: application/json' \\\n  -d '${body}'`,
    Python: `import os\nfrom openai import OpenAI\n\nclient = OpenAI(base_url="${url}", api_key=os.environ["TOLLGATE_KEY"])\nanswer = client.chat.completions.create(model=${JSON.stringify(model)}, messages=${messages})\nprint(answer.choices[0].message.content)`,
    TypeScript: `import OpenAI from 'openai';\n\nconst client = new OpenAI({ baseURL: '${url}', apiKey: process.env.TOLLGATE_KEY });\nconst answer = await client.chat.completions.create({ model: ${JSON.stringify(model)}, messages: ${messages} });\nconsole.log(answer.choices[0]?.message.content);`,
  };
  return (
    <Tabs.Root defaultValue="curl">
      <Tabs.List>
        {Object.keys(snippets).map((name) => (
          <Tabs.Trigger key={name} value={name}>
            {name}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {Object.entries(snippets).map(([name, code]) => (
        <Tabs.Content key={name} value={name}>
          <Lines>{code}</Lines>
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
}
