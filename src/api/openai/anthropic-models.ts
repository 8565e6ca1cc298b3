/** The list of models as Anthropic has it: in pages, by the ids before and after. */
import type { ListedModel } from './models.js';

const USUAL_PAGE = 20;
const LARGEST_PAGE = 1000;

export const anthropicModel = ({ name, createdS, traits }: ListedModel) => ({
  id: name,
  type: 'model',
  display_name: name,
  created_at: new Date(createdS * 1000).toISOString().replace('.000Z', 'Z'),
  max_input_tokens: traits.contextWindow,
  max_tokens: traits.maxOutput,
  lifecycle: 'active',
  line: null,
  deprecated_at: null,
  retires_at: null,
  capabilities: null,
});

/** A query that cannot be understood asks for the first page. */
export function anthropicPage(listed: readonly ListedModel[], query: Readonly<Record<string, unknown>>) {
  const asked = Number(query['limit'] ?? USUAL_PAGE);
  const size = Number.isInteger(asked) && asked > 0 ? Math.min(asked, LARGEST_PAGE) : USUAL_PAGE;
  const at = (id: unknown): number => listed.findIndex(({ name }) => name === id);
  const after = at(query['after_id']);
  const before = at(query['before_id']);
  const backwards = before !== -1;
  const from = backwards ? Math.max(0, before - size) : after + 1;
  const to = backwards ? before : Math.min(listed.length, from + size);
  const data = listed.slice(from, to).map(anthropicModel);
  return {
    data,
    has_more: backwards ? from > 0 : to < listed.length,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}
