/** Labelled fields of forms. */
import { Text, TextArea, TextField } from '@radix-ui/themes';
import { useId } from 'react';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly placeholder?: string;
  readonly type?: 'text' | 'password' | 'date' | 'number' | 'datetime-local';
  readonly required?: boolean;
  readonly autoComplete?: string;
}

/** The last that reports take. */
const last = { date: '2199-12-31', 'datetime-local': '2199-12-31T23:59' } as const;

export function Field({ label, value, onChange, placeholder, type = 'text', required, autoComplete }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <Text as="label" size="1" color="gray" htmlFor={id}>
        {label}
      </Text>
      <TextField.Root
        id={id}
        type={type}
        max={type === 'date' || type === 'datetime-local' ? last[type] : undefined}
        value={value}
        placeholder={placeholder}
        required={required}
        autoComplete={autoComplete}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}

export function LongField({ label, value, onChange, rows = 6 }: FieldProps & { readonly rows?: number }) {
  const id = useId();
  return (
    <div className="field wide">
      <Text as="label" size="1" color="gray" htmlFor={id}>
        {label}
      </Text>
      <TextArea id={id} rows={rows} value={value} onChange={(event) => onChange(event.target.value)} />
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly options: readonly (readonly [value: string, shown: string])[];
}

export function Choice({ label, value, onChange, options }: ChoiceProps) {
  const id = useId();
  return (
    <div className="field">
      <Text as="label" size="1" color="gray" htmlFor={id}>
        {label}
      </Text>
      <select id={id} className="select" value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map(([option, shown]) => (
          <option key={option} value={option}>
            {shown}
          </option>
        ))}
      </select>
    </div>
  );
}
