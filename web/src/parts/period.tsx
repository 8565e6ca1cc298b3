/** The days of a report, both ends included, in a time zone: one of the usual periods, or days of one's own. */
import { type ReactNode, useState } from 'react';
import { dateAfter, dateIn, ownZone, periodOf, zones } from '../words';
import { Choice, Field } from './fields';

interface Days {
  readonly from: string;
  /** Empty: until now. */
  readonly to: string;
}

const usual = [
  ['7', 'last 7 days'],
  ['30', 'last 30 days'],
  ['this', 'this month'],
  ['last', 'last month'],
] as const;
type Usual = (typeof usual)[number][0];
const options = [...usual, ['', 'days of your own']] as const;

function daysOf(name: Usual, zone: string): Days {
  const today = dateIn(zone, Date.now());
  const first = `${today.slice(0, 7)}-01`;
  if (name === 'this') return { from: first, to: '' };
  if (name !== 'last') return { from: dateAfter(today, 1 - Number(name)) ?? '', to: '' };
  const to = dateAfter(first, -1) ?? '';
  return { from: `${to.slice(0, 7)}-01`, to };
}

/** The period as reports take it, and the fields that choose it. */
export function usePeriod(begin: Usual) {
  const [zone, setZone] = useState(ownZone);
  const [chosen, setChosen] = useState<Usual | ''>(begin);
  const [own, setOwn] = useState<Days>({ from: '', to: '' });
  const { from, to } = chosen === '' ? own : daysOf(chosen, zone);
  const change = (days: Days): void => {
    setChosen('');
    setOwn(days);
  };
  const fields: ReactNode = (
    <>
      <Choice
        label="Period"
        value={chosen}
        onChange={(name) => {
          setOwn({ from, to });
          setChosen(name as Usual | '');
        }}
        options={options}
      />
      <Field label="From" type="date" value={from} onChange={(next) => change({ from: next, to })} />
      <Field label="To" type="date" value={to} onChange={(next) => change({ from, to: next })} />
      <Choice label="Time zone" value={zone} onChange={setZone} options={zones} />
    </>
  );
  return { period: periodOf(from, to, zone), zone, fields };
}
