/** The support matrix as a page of Markdown: from every format that clients call to every one that upstreams speak. */
import type { FormatId } from '../formats/format-id.js';
import { apiFormats, upstreamFormats } from '../formats/registry.js';
import { translatorFor } from './registry.js';

interface SpeakingProvider {
  readonly type: string;
  readonly speaks: Readonly<Partial<Record<FormatId, unknown>>>;
}

/** A table whose columns are as wide as their longest cell. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]!.length)));
  const line = (cells: readonly string[], fill = ' '): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!, fill)).join(' | ')} |`;
  return [
    line(head),
    line(
      head.map(() => ''),
      '-',
    ),
    ...rows.map((cells) => line(cells)),
  ].join('\n');
}

/** How a request of one format reaches an upstream that speaks these formats. */
function way(from: FormatId, speaks: readonly FormatId[]): string {
  const translator = translatorFor(from, new Set(speaks));
  if (!translator) return 'refused';
  return translator.to === from ? 'native' : `translated (${translator.to})`;
}

export function gridPage(providers: readonly SpeakingProvider[]): string {
  const upstream = Object.keys(upstreamFormats) as FormatId[];
  const formats = table(
    ['clients call', 'endpoint', ...upstream],
    apiFormats.map(({ id, endpoint }) => [id, endpoint, ...upstream.map((to) => way(id, [to]).split(' ')[0]!)]),
  );
  const types = table(
    ['provider type', 'speaks', ...apiFormats.map(({ id }) => id)],
    providers.map(({ type, speaks }) => {
      const spoken = Object.keys(speaks) as FormatId[];
      return [type, spoken.join(', '), ...apiFormats.map(({ id }) => way(id, spoken))];
    }),
  );
  return `# The grid

This page is printed from the code by \`test/house/grid.test.ts\`; \`UPDATE_DOCS=1 npm test -- house/grid\` writes it anew.

A request of a client is of one wire format, and a target speaks one or more. Where it speaks the client's, the client's bytes
go through (**native**); where it speaks one that there is a translator to, the request and its answer are **translated**; else
the request is **refused** with 400 \`unsupported_endpoint\`, in words that name both sides.

## Formats

${formats}

## Provider types

${types}
`;
}
