/**
 * A report of spend from question to bytes. The first bytes are made before anything is answered, so that what cannot be read
 * is a proper error; what fails later breaks the stream off. Reports run beside each other up to the number of connections
 * that they were given, apart from those that the gateway serves requests with.
 */
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { focusEncoder, type UsageRow } from './focus.js';
import { csvEncoder, type Encoder, extensions, jsonEncoder, mediaTypes, parquetEncoder } from './formats.js';
import type { ReportRequest } from './request.js';
import type { SpendRow } from './spend-row.js';

/** Rows that are read a batch at a time; an empty batch is the end. */
export interface Rows<Row> {
  next(): Promise<readonly Row[]>;
  close(): Promise<void>;
}

/** Where reports read (`spend-pg.ts`). Throws `NotKept` where the ledger was dropped. */
export interface ReportStore {
  spend(request: ReportRequest): Promise<Rows<SpendRow> & { readonly total: SpendRow }>;
  usage(request: ReportRequest): Promise<Rows<UsageRow>>;
}

export interface Report {
  readonly mediaType: string;
  /** Such as `spend-2026-11-01-2026-12-01.csv`. */
  readonly fileName: string;
  /** The bytes, made as they are taken. Leaving off early frees what it holds. */
  readonly bytes: AsyncGenerator<Buffer, void, void>;
}

export interface Reports {
  run(request: ReportRequest): Promise<Result<Report>>;
}

export function createReports(store: ReportStore): Reports {
  return {
    async run(request) {
      try {
        const bytes = await stream(store, request);
        const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
        return ok({
          mediaType: mediaTypes[request.format],
          fileName: `spend-${day(request.fromMs)}-${day(request.toMs)}.${extensions[request.format]}`,
          bytes,
        });
      } catch (error) {
        const since = keptSince(error);
        if (since === undefined) throw error;
        const words = `Single entries are kept since ${since}, and this report needs older ones. Begin it there, or at whole days in UTC and by what sums are kept of: team, key, model, provider, user or tag.`;
        return refused(refuse('invalid_value', words, { param: 'from' }));
      }
    },
  };
}

const keptSince = (error: unknown): string | undefined =>
  error instanceof Error && error.name === 'NotKept' && 'sinceMs' in error
    ? new Date(Number(error.sinceMs)).toISOString()
    : undefined;

async function stream(store: ReportStore, request: ReportRequest): Promise<AsyncGenerator<Buffer, void, void>> {
  if (request.format === 'focus') return encoded(await store.usage(request), async () => focusEncoder());
  const open = await store.spend(request);
  const encoder = { json: jsonEncoder, csv: csvEncoder, parquet: parquetEncoder }[request.format];
  return encoded(open, async () => encoder(request, open.total));
}

/** The first batch is read at once, so that a query that fails does so before there is an answer. */
async function encoded<Row>(
  rows: Rows<Row>,
  encoder: () => Promise<Encoder<Row>>,
): Promise<AsyncGenerator<Buffer, void, void>> {
  let batch: readonly Row[];
  let to: Encoder<Row>;
  try {
    to = await encoder();
    batch = await rows.next();
  } catch (error) {
    await rows.close();
    throw error;
  }
  const bytes = (async function* () {
    try {
      yield to.head();
      for (; batch.length > 0; batch = await rows.next()) {
        const written = await to.rows(batch);
        if (written.length > 0) yield written;
      }
      yield await to.end();
    } finally {
      await rows.close();
    }
  })();
  return closing(bytes, () => rows.close());
}

/** A generator that was never begun runs no `finally`: leaving it off closes the rows all the same. */
function closing(
  bytes: AsyncGenerator<Buffer, void, void>,
  close: () => Promise<void>,
): AsyncGenerator<Buffer, void, void> {
  const leave = bytes.return.bind(bytes);
  bytes.return = async (value) => {
    await close();
    return leave(value);
  };
  return bytes;
}
