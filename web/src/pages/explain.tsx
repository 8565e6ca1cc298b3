/** What would happen to a request, without sending it. */
import { Button, Callout, Flex, Heading } from '@radix-ui/themes';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { type LimitLevel, write } from '../api';
import { Field, LongField } from '../parts/fields';
import { Figures } from '../parts/figures';
import { AsJson } from '../parts/lines';
import { PageFrame, Problem } from '../parts/page';
import { DataTable } from '../parts/table';
import { amount, count, dollars, limitWords, message, milliseconds } from '../words';

const first = JSON.stringify({ model: 'sandbox', messages: [{ role: 'user', content: 'Hello' }] }, null, 2);

interface Planned {
  readonly target: string;
  readonly as: string;
  readonly ready: boolean;
  readonly why_not: string | null;
  readonly breaker: string;
  readonly latency_ms: number;
  readonly input_tokens: number;
  readonly cost_usd: string | null;
  readonly refusal: string | null;
}

interface Explained {
  readonly would: 'send' | 'refuse';
  readonly status: number;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly model: { readonly asked: string; readonly serves: string | null } | null;
  readonly limits?: readonly (LimitLevel & { readonly takes: string | number; readonly admits: boolean })[] | null;
  readonly cache?: { readonly state: string; readonly why: string | null } | null;
  readonly plan?: readonly Planned[] | null;
  readonly estimate?: {
    readonly input_tokens: number;
    readonly output_tokens: number;
    readonly cost_usd: string | null;
  } | null;
}

function bodyOf(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    throw new Error(`The request body is not JSON: ${message(error)}`);
  }
}

export function ExplainPage() {
  const [key, setKey] = useState('');
  const [request, setRequest] = useState(first);
  const ask = useMutation({
    mutationFn: async () => write<Explained>('POST', '/explain', { key, request: bodyOf(request) }),
  });
  return (
    <PageFrame
      title="Explain"
      hint="Limits, cache, rules and plan of a request with this key. Nothing is sent and nothing is spent."
    >
      <Flex direction="column" gap="3">
        <Field label="Key: its id, or its secret" value={key} onChange={setKey} placeholder="key_…" />
        <LongField label="Request body" value={request} onChange={setRequest} rows={10} />
        <div>
          <Button onClick={() => ask.mutate()} disabled={key === '' || ask.isPending}>
            Explain
          </Button>
        </div>
        {ask.error && <Problem error={ask.error} />}
        {ask.data && <Explanation of={ask.data} />}
      </Flex>
    </PageFrame>
  );
}

function Explanation({ of: told }: { of: Explained }) {
  const { would, error, model, cache, estimate, limits, plan } = told;
  const figures = [
    [
      'Model',
      model
        ? `${model.asked}${model.serves && model.serves !== model.asked ? `, served by ${model.serves}` : ''}`
        : '–',
    ],
    ['Cache', cache ? `${cache.state}${cache.why ? `: ${cache.why}` : ''}` : '–'],
    [
      'Tokens, as counted and expected',
      estimate ? `${count(estimate.input_tokens)} in, ${count(estimate.output_tokens)} out` : '–',
    ],
    ['Cost, as expected', estimate?.cost_usd ? dollars(estimate.cost_usd) : '–'],
  ] as const;
  return (
    <>
      <Callout.Root color={would === 'send' ? 'green' : 'red'} role="status">
        <Callout.Text>
          {would === 'send' ? 'It would be sent.' : `It would be refused: ${error?.message ?? told.status}`}
        </Callout.Text>
      </Callout.Root>
      <Figures of={figures} />
      <Heading as="h2" size="3">
        Limits
      </Heading>
      <DataTable
        caption="Limits"
        rows={limits ?? []}
        id={(limit) => JSON.stringify([limit.scope, limit.unit, limit.per, limit.model])}
        empty="No limit applies."
        columns={[
          {
            name: 'Of',
            cell: ({ scope }) =>
              Object.entries(scope ?? {})
                .map(([kind, name]) => `${kind} ${name}`)
                .join(', '),
          },
          {
            name: 'Limit',
            cell: ({ unit, per, model: of, max }) =>
              limitWords({ unit, max: Number(max), ...(per ? { per } : {}), ...(of ? { model: of } : {}) }),
          },
          {
            name: 'Left',
            end: true,
            cell: ({ unit, remaining }) => amount(unit, remaining),
          },
          {
            name: 'It would take',
            end: true,
            cell: ({ unit, takes }) => amount(unit, takes),
          },
          { name: 'Admits it', cell: ({ admits }) => (admits ? 'yes' : 'no') },
        ]}
      />
      <Heading as="h2" size="3">
        Targets, in the order in which they would be tried
      </Heading>
      <DataTable
        caption="Plan"
        rows={plan ?? []}
        id={({ target, as }) => `${target} ${as}`}
        empty="There is no target to try."
        columns={[
          { name: 'Target', cell: ({ target }) => target },
          { name: 'As', cell: ({ as }) => as.replaceAll('_', ' ') },
          {
            name: 'State',
            cell: ({ ready, why_not, refusal }) =>
              refusal ?? (ready ? 'ready' : (why_not ?? 'not ready').replaceAll('_', ' ')),
          },
          { name: 'Breaker', cell: ({ breaker }) => breaker.replaceAll('_', ' ') },
          { name: 'Latency', end: true, cell: ({ latency_ms }) => milliseconds(latency_ms) },
          { name: 'Input', end: true, cell: ({ input_tokens }) => `${count(input_tokens)} tokens` },
          { name: 'Cost', end: true, cell: ({ cost_usd }) => (cost_usd === null ? '–' : dollars(cost_usd)) },
        ]}
      />
      <details>
        <summary>All that was told</summary>
        <AsJson of={told} />
      </details>
    </>
  );
}
