/** Changing what limits there are on a key or a team: one taken away, or one added. What one has beside its amount stays as it is. */
import { Button, Flex, Text } from '@radix-ui/themes';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { type Limit, write } from '../api';
import { limitWords } from '../words';
import { Choice, Field } from './fields';
import { Modal } from './modal';
import { Problem } from './page';

const units = [
  ['requests', 'requests'],
  ['tokens', 'tokens'],
  ['usd', 'US dollars'],
  ['concurrent', 'at the same time'],
] as const;
const windows = [
  ['minute', 'a minute'],
  ['hour', 'an hour'],
  ['day', 'a day'],
  ['month', 'a month'],
  ['total', 'in all'],
] as const;

/** The fields of one limit, and what they say; undefined: no amount is written. */
export function useLimitFields() {
  const [max, setMax] = useState('');
  const [unit, setUnit] = useState('usd');
  const [per, setPer] = useState('month');
  const limit: Limit | undefined =
    max === '' ? undefined : { unit, max: Number(max), ...(unit === 'concurrent' ? {} : { per }) };
  const fields = (
    <Flex gap="2" wrap="wrap">
      <Field label="Limit" type="number" value={max} onChange={setMax} placeholder="none" />
      <Choice label="Unit" value={unit} onChange={setUnit} options={units} />
      {unit !== 'concurrent' && <Choice label="Window" value={per} onChange={setPer} options={windows} />}
    </Flex>
  );
  return { limit, fields, empty: () => setMax('') };
}

interface Props {
  /** Of the admin API: the key or the team. */
  readonly path: string;
  readonly name: string;
  readonly limits: readonly Limit[];
  readonly close: () => void;
}

export function LimitEditor({ path, name, limits: first, close }: Props) {
  const client = useQueryClient();
  const [limits, setLimits] = useState(first);
  const { limit, fields, empty } = useLimitFields();
  const save = useMutation({
    mutationFn: (next: readonly Limit[]) => write<{ limits: readonly Limit[] }>('PATCH', path, { limits: next }),
    onSuccess: (answer) => {
      setLimits(answer.limits);
      empty();
      void client.invalidateQueries();
    },
  });
  const add = (event: FormEvent): void => {
    event.preventDefault();
    if (limit) save.mutate([...limits, limit]);
  };
  return (
    <Modal title={`Limits of ${name}`} hint="A change is in force on all gateways within a second." close={close}>
      {limits.length === 0 && <Text as="p">There is none.</Text>}
      {limits.map((one) => (
        <Flex key={JSON.stringify(one)} justify="between" align="center" gap="3">
          <Text size="2">{limitWords(one)}</Text>
          <Button
            size="1"
            variant="soft"
            color="red"
            highContrast
            disabled={save.isPending}
            onClick={() => save.mutate(limits.filter((other) => other !== one))}
          >
            {`Remove ${limitWords(one)}`}
          </Button>
        </Flex>
      ))}
      <form onSubmit={add}>
        <Flex direction="column" gap="3">
          {fields}
          {save.error && <Problem error={save.error} />}
          <Flex gap="2">
            <Button type="submit" disabled={save.isPending || limit === undefined}>
              Add
            </Button>
            <Button type="button" variant="soft" color="gray" highContrast onClick={close}>
              Done
            </Button>
          </Flex>
        </Flex>
      </form>
    </Modal>
  );
}
