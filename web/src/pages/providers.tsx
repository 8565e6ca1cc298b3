/** Upstream accounts: how they are, a test of each, and adding one with its model. */
import { Badge, Button, Callout, Flex, Heading, Text } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, type ProviderState, write } from '../api';
import { Only, useIsFor } from '../me';
import { Choice, Field } from '../parts/fields';
import { Modal } from '../parts/modal';
import { Answer, Problem } from '../parts/page';
import { DataTable } from '../parts/table';
import { count } from '../words';

interface Tested {
  readonly status: 'ok' | 'note' | 'problem';
  readonly detail: string;
  readonly todo?: string;
}

/** Those that need no more than an address and a key; the others stand in docs/providers.md. */
const types = ['openai', 'anthropic', 'openai-compatible', 'gemini', 'mistral', 'groq', 'sandbox'].map(
  (type) => [type, type] as const,
);

export function Providers() {
  const client = useQueryClient();
  const providers = useQuery({
    queryKey: ['providers'],
    queryFn: () => get<{ data: readonly ProviderState[] }>('/providers'),
  });
  const test = useMutation({
    mutationFn: (id: string) => write<Tested>('POST', `/providers/${encodeURIComponent(id)}/test`),
  });
  const remove = useMutation({
    mutationFn: (id: string) => write('DELETE', `/providers/${encodeURIComponent(id)}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ['providers'] }),
  });
  const mayChange = useIsFor('administer');
  return (
    <>
      <Flex justify="between" align="center">
        <Heading as="h2" size="4">
          Providers
        </Heading>
        <Only to="administer">
          <NewProvider />
        </Only>
      </Flex>
      {test.data && <Found by={test.variables} tested={test.data} />}
      {test.error && <Problem error={test.error} />}
      {remove.error && <Problem error={remove.error} />}
      <Answer of={providers}>
        {({ data }) => (
          <DataTable
            caption="Providers"
            rows={data}
            id={(provider) => provider.id}
            empty="There is no provider yet. Add one here, or to the configuration."
            columns={[
              { name: 'Name', cell: (provider) => provider.id },
              { name: 'Type', cell: (provider) => provider.type },
              { name: 'Base URL', cell: (provider) => provider.base_url ?? 'its own' },
              { name: 'Written in', cell: (provider) => (provider.source === 'api' ? 'the API' : 'the file') },
              { name: 'Targets', end: true, cell: (provider) => count(provider.targets.length) },
              { name: 'State', cell: (provider) => <Healthy is={provider.healthy} /> },
              ...(mayChange
                ? [
                    {
                      name: 'Change',
                      cell: (provider: ProviderState) => (
                        <Flex gap="1">
                          <Button
                            size="1"
                            variant="soft"
                            disabled={test.isPending}
                            onClick={() => test.mutate(provider.id)}
                          >
                            Test
                          </Button>
                          {provider.source === 'api' && (
                            <Button size="1" variant="soft" color="red" onClick={() => remove.mutate(provider.id)}>
                              Remove
                            </Button>
                          )}
                        </Flex>
                      ),
                    },
                  ]
                : []),
            ]}
          />
        )}
      </Answer>
    </>
  );
}

const colors = { ok: 'green', note: 'orange', problem: 'red' } as const;

const Found = ({ by, tested: { status, detail, todo } }: { by: string; tested: Tested }) => (
  <Callout.Root color={colors[status]} role="status">
    <Callout.Text>{`${by}: ${detail}${todo ? ` ${todo}` : ''}`}</Callout.Text>
  </Callout.Root>
);

export const Healthy = ({ is }: { is: boolean | null }) => (
  <Badge highContrast color={is === null ? 'gray' : is ? 'green' : 'red'}>
    {is === null ? 'no target' : is ? 'ready' : 'not ready'}
  </Badge>
);

function NewProvider() {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');
  const [type, setType] = useState('openai');
  const [secret, setSecret] = useState('');
  const [base, setBase] = useState('');
  const [model, setModel] = useState('');
  /** What is there already: where a later step fails, the next try goes on from there. */
  const [added, setAdded] = useState<'nothing' | 'provider' | 'model'>('nothing');
  const make = useMutation({
    mutationFn: async () => {
      if (added === 'nothing') {
        const credential = type === 'sandbox' ? {} : { api_key: secret === '' ? 'none' : secret };
        await write('POST', '/providers', { name, type, ...credential, ...(base === '' ? {} : { base_url: base }) });
        setAdded('provider');
      }
      if (model !== '' && added !== 'model') {
        await write('POST', '/models', { name: model, targets: [{ provider: name, model }] });
        setAdded('model');
      }
      return write<Tested>('POST', `/providers/${encodeURIComponent(name)}/test`);
    },
    onSettled: () => client.invalidateQueries(),
  });
  const change = (next: boolean): void => {
    setOpen(next);
    if (!next) {
      make.reset();
      setSecret('');
      if (added !== 'nothing') for (const set of [setName, setBase, setModel]) set('');
      setAdded('nothing');
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <>
      <Button onClick={() => change(true)}>Add a provider</Button>
      {open && (
        <Modal
          title="Add a provider"
          hint="On all gateways at once; its key is kept encrypted and shown nowhere."
          close={() => change(false)}
        >
          {make.data ? (
            <Flex direction="column" gap="3">
              <Found by={name} tested={make.data} />
              <Button onClick={() => change(false)}>Done</Button>
            </Flex>
          ) : (
            <form onSubmit={submit}>
              <Flex direction="column" gap="3">
                {added === 'nothing' ? (
                  <>
                    <Field label="Name" value={name} onChange={setName} required />
                    <Choice label="Type" value={type} onChange={setType} options={types} />
                    {type !== 'sandbox' && (
                      <Field label="API key" type="password" value={secret} onChange={setSecret} />
                    )}
                    <Field label="Base URL" value={base} onChange={setBase} placeholder="that of its type" />
                  </>
                ) : (
                  <Text as="p" size="2">{`The provider ${name} is there.`}</Text>
                )}
                {added !== 'model' && (
                  <Field
                    label="A model of it, to offer under its own name"
                    value={model}
                    onChange={setModel}
                    placeholder="none yet"
                  />
                )}
                {make.error && <Problem error={make.error} />}
                <Button type="submit" disabled={make.isPending || name === ''}>
                  {added === 'nothing' ? 'Add and test' : 'Go on'}
                </Button>
              </Flex>
            </form>
          )}
        </Modal>
      )}
    </>
  );
}
