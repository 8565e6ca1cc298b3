/** What would happen to a request, without sending it. */
import { Button, Flex } from '@radix-ui/themes';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { write } from '../api';
import { Field, LongField } from '../parts/fields';
import { AsJson } from '../parts/lines';
import { PageFrame, Problem } from '../parts/page';

const first = JSON.stringify({ model: 'sandbox', messages: [{ role: 'user', content: 'Hello' }] }, null, 2);

export function ExplainPage() {
  const [key, setKey] = useState('');
  const [request, setRequest] = useState(first);
  const ask = useMutation({
    mutationFn: async () => write<object>('POST', '/explain', { key, request: JSON.parse(request) as object }),
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
        {ask.data && <AsJson of={ask.data} />}
      </Flex>
    </PageFrame>
  );
}
