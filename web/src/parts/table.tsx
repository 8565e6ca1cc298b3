/** A table of things: a caption for those who hear it, an empty state that says the next step, and cells by column. */
import { type ReactNode, useState } from 'react';

export interface Column<T> {
  readonly name: string;
  readonly cell: (row: T) => ReactNode;
  readonly end?: boolean;
  /** By what rows are put in order where the column's name is pressed: numbers from the highest, names from the first. */
  readonly by?: (row: T) => number | string;
}

interface Props<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly id: (row: T) => string;
  readonly empty: ReactNode;
  readonly onOpen?: (row: T) => void;
}

interface Order {
  readonly name: string;
  readonly isTurned: boolean;
}

export function DataTable<T>({ caption, columns, rows, id, empty, onOpen }: Props<T>) {
  const [order, setOrder] = useState<Order | null>(null);
  if (rows.length === 0) return <div className="empty">{empty}</div>;
  const press = (name: string): void => setOrder({ name, isTurned: order?.name === name && !order.isTurned });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section className="scroll" aria-label={caption} tabIndex={0}>
      <table className="table">
        <caption className="hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.name} column={column} order={order} press={press} rows={rows} />
            ))}
          </tr>
        </thead>
        <tbody>
          {inOrder(rows, columns, order).map((row) => (
            <tr key={id(row)}>
              {columns.map(({ name, cell, end }, at) => (
                <td key={name} className={end ? 'end' : undefined}>
                  {at === 0 && onOpen ? (
                    <button type="button" className="link" onClick={() => onOpen(row)}>
                      {cell(row)}
                    </button>
                  ) : (
                    cell(row)
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface HeadProps<T> {
  readonly column: Column<T>;
  readonly order: Order | null;
  readonly press: (name: string) => void;
  readonly rows: readonly T[];
}

function Head<T>({ column: { name, end, by }, order, press, rows }: HeadProps<T>) {
  const className = end ? 'end' : undefined;
  if (by === undefined)
    return (
      <th scope="col" className={className}>
        {name}
      </th>
    );
  const isOrder = order?.name === name;
  const isDown = isOrder && (typeof by(rows[0]!) === 'number') !== order.isTurned;
  return (
    <th scope="col" className={className} aria-sort={isOrder ? (isDown ? 'descending' : 'ascending') : undefined}>
      <button type="button" className="link" onClick={() => press(name)}>
        {name}
        <span aria-hidden="true">{isOrder ? (isDown ? ' ↓' : ' ↑') : ' ↕'}</span>
      </button>
    </th>
  );
}

function inOrder<T>(rows: readonly T[], columns: readonly Column<T>[], order: Order | null): readonly T[] {
  const by = columns.find(({ name }) => name === order?.name)?.by;
  if (by === undefined) return rows;
  const sign = order?.isTurned ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [by(a), by(b)];
    return sign * (typeof left === 'number' ? Number(right) - left : left.localeCompare(String(right)));
  });
}
