/**
 * A report as bytes. Each format is written as rows come, so that memory does not grow with the report; numbers go from the
 * database's integers to the file without passing through floating point.
 */
import type { ParquetWriter as Writer } from 'hyparquet-writer';
import { csvLine, textCell } from './csv.js';
import { dollars, exact, figuresOf, groupValue, tokensOf } from './figures.js';
import type { Format, ReportRequest } from './request.js';
import type { SpendRow } from './spend-row.js';

export const mediaTypes: Readonly<Record<Format, string>> = {
  json: 'application/json; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
  focus: 'text/csv; charset=utf-8',
};

export const extensions: Readonly<Record<Format, string>> = {
  json: 'json',
  csv: 'csv',
  parquet: 'parquet',
  focus: 'focus.csv',
};

/** Turns rows into bytes. Each method answers what can be written so far, possibly nothing. */
export interface Encoder<Row> {
  head(): Buffer;
  rows(rows: readonly Row[]): Promise<Buffer>;
  end(): Promise<Buffer>;
}

export function jsonEncoder(request: ReportRequest, total: SpendRow): Encoder<SpendRow> {
  let first = true;
  const iso = (ms: number) => JSON.stringify(new Date(ms).toISOString());
  return {
    head: () =>
      Buffer.from(
        `{"from":${iso(request.fromMs)},"to":${iso(request.toMs)},"timezone":${JSON.stringify(request.timezone)},` +
          `"group_by":${JSON.stringify(request.groupBy)},"data":[`,
      ),
    async rows(rows) {
      let text = '';
      for (const row of rows) {
        text += (first ? '' : ',') + JSON.stringify({ ...namedGroups(request, row), ...figuresOf(row) });
        first = false;
      }
      return Buffer.from(text);
    },
    end: async () => Buffer.from(`],"total":${JSON.stringify(figuresOf(total))}}`),
  };
}

const namedGroups = ({ groupBy, timezone }: ReportRequest, { groups, keyName }: SpendRow) => ({
  ...Object.fromEntries(groupBy.map((name, i) => [name, groupValue(name, groups[i] ?? null, timezone)])),
  ...(keyName !== undefined && { key_name: keyName }),
});

/** Columns of a row after what it is of: whole numbers, and dollars as decimals. */
function numbersOf(row: SpendRow): [name: string, value: bigint | string][] {
  const { sums } = row;
  return [
    ['requests', sums.requests],
    ['attempts', sums.attempts],
    ['errors', sums.errors],
    ['cache_hits', sums.cache_hits],
    ...Object.entries(tokensOf(row)).map(([kind, count]): [string, bigint] => [`${kind}_tokens`, count]),
    ['cost_nusd', sums.total_nusd],
    ['cost_usd', dollars(sums.total_nusd)],
    ['billed_nusd', sums.billed_nusd],
    ['billed_usd', dollars(sums.billed_nusd)],
  ];
}

export function csvEncoder(request: ReportRequest, total: SpendRow): Encoder<SpendRow> {
  return {
    head: () => Buffer.from(csvLine([...request.groupBy, ...numbersOf(total).map(([name]) => name)])),
    async rows(rows) {
      let text = '';
      for (const row of rows) {
        const groups = Object.values(namedGroups(request, row)).map((value) =>
          typeof value === 'string' ? textCell(value) : value === null ? '' : String(value),
        );
        text += csvLine([...groups, ...numbersOf(row).map(([, value]) => String(value))]);
      }
      return Buffer.from(text);
    },
    end: async () => Buffer.alloc(0),
  };
}

/** Rows in one group of a Parquet file: what is in memory at once. */
const ROW_GROUP = 10_000;

/** Whole numbers are `INT64`, so that sums stay exact; dollars are texts beside them. One that no `INT64` holds is refused. */
export async function parquetEncoder(request: ReportRequest, total: SpendRow): Promise<Encoder<SpendRow>> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const names = numbersOf(total).map(([name, value]) => ({ name, text: typeof value === 'string' }));
  const types = request.groupBy.map((name) => (name === 'status' ? 'INT64' : name === 'stream' ? 'BOOLEAN' : 'STRING'));
  const schema = [
    { name: 'root', num_children: request.groupBy.length + names.length },
    ...request.groupBy.map((name, i) => ({ ...element(name, types[i]!), repetition_type: 'OPTIONAL' as const })),
    ...names.map(({ name, text }) => ({
      ...element(name, text ? 'STRING' : 'INT64'),
      repetition_type: 'REQUIRED' as const,
    })),
  ];
  const bytes = new ByteWriter();
  const writer: Writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'tollgate' });
  let waiting: SpendRow[] = [];
  const take = (): Buffer => {
    const fresh = Buffer.from(bytes.getBuffer());
    bytes.index = 0;
    return fresh;
  };
  const flush = async () => {
    const rows = waiting;
    waiting = [];
    const columns = [
      ...request.groupBy.map((name, i) => ({
        name,
        data: rows.map(({ groups }) => {
          const value = groupValue(name, groups[i] ?? null, request.timezone);
          return typeof value === 'number' ? BigInt(value) : value;
        }),
      })),
      ...names.map(({ name }, i) => ({ name, data: rows.map((row) => within64(numbersOf(row)[i]![1])) })),
    ];
    await writer.write({ columnData: columns, rowGroupSize: ROW_GROUP });
  };
  return {
    head: () => Buffer.alloc(0),
    async rows(rows) {
      waiting.push(...rows);
      if (waiting.length < ROW_GROUP) return Buffer.alloc(0);
      await flush();
      return take();
    },
    async end() {
      if (waiting.length > 0) await flush();
      await writer.finish();
      return take();
    },
  };
}

const element = (name: string, type: string) =>
  type === 'STRING'
    ? { name, type: 'BYTE_ARRAY' as const, converted_type: 'UTF8' as const }
    : { name, type: type as 'INT64' | 'BOOLEAN' };

function within64(value: bigint | string): bigint | string {
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value) {
    throw new RangeError(`a sum is too large for Parquet: ${exact(value)}`);
  }
  return value;
}
