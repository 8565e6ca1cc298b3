/** How an attempt came about: how its target was chosen, and the limits that were taken for it. */
import { Flex, Heading, Text } from '@radix-ui/themes';
import type { Entry } from '../api';
import type { TakenLimit, TakenRoute } from '../decisions';
import { amount, dollars, limitWords, milliseconds } from '../words';
import { DataTable } from './table';

export function Decision({ of: { routing, limits, limits_more = 0, key_name } }: { of: Entry }) {
  if (!routing) {
    return (
      <Text as="p" size="1" color="gray">
        How it was routed and which limits it took is not in this entry.
      </Text>
    );
  }
  return (
    <Flex direction="column" gap="2">
      <Heading as="h4" size="1">
        Routing
      </Heading>
      <Text as="p" size="1">
        {routeWords(routing)}
      </Text>
      {routing.candidates.length > 0 && (
        <DataTable
          caption="Candidates"
          rows={routing.candidates}
          id={({ target }) => target}
          empty=""
          columns={[
            { name: 'Target', cell: ({ target }) => target },
            { name: 'Priority', end: true, cell: ({ priority }) => priority },
            { name: 'State', cell: (one) => stateWords(one) },
            { name: 'Ordered by', cell: (one) => measureWords(one) },
          ]}
        />
      )}
      {routing.more > 0 && (
        <Text as="p" size="1" color="gray">
          {`${routing.more} more are not named.`}
        </Text>
      )}
      <Heading as="h4" size="1">
        Limits taken
      </Heading>
      {!limits || limits.length === 0 ? (
        <Text as="p" size="1" color="gray">
          {limits && limits_more === 0 ? 'No limit counts this attempt.' : 'They are not in this entry.'}
        </Text>
      ) : (
        <DataTable
          caption="Limits taken"
          rows={limits}
          id={(limit) => JSON.stringify([limit.scope, limit.unit, limit.per, limit.model])}
          empty=""
          columns={[
            { name: 'Of', cell: ({ scope }) => scopeWords(scope, key_name ?? null) },
            { name: 'Limit', cell: (limit) => wholeLimit(limit) },
            { name: 'Held', end: true, cell: ({ unit, held }) => amount(unit, held) },
            { name: 'Used', end: true, cell: ({ unit, used }) => amount(unit, used) },
            { name: 'Left then', end: true, cell: ({ unit, remaining }) => amount(unit, remaining) },
          ]}
        />
      )}
      {limits_more > 0 && (
        <Text as="p" size="1" color="gray">
          {`${limits_more} more are not named.`}
        </Text>
      )}
    </Flex>
  );
}

const wholeLimit = ({ unit, max, per, model }: TakenLimit): string =>
  limitWords({ unit, max: Number(max), ...(per && { per }), ...(model && { model }) });

const scopeWords = (scope: TakenLimit['scope'], keyName: string | null): string =>
  Object.entries(scope)
    .map(([kind, id]) => `${kind} ${kind === 'key' ? (keyName ?? id) : id}`)
    .join(' of ');

const ways: Readonly<Record<string, string>> = {
  only: 'It is the only target of the model',
  first: 'It was the first choice',
  next: 'It was the next choice of the model',
  credential: 'It was tried with another credential',
  again: 'It was tried again after a wait',
  resent: 'It was sent once more at once',
  fallback: 'It is a fallback',
  context_window_fallback: 'It is the fallback for what does not fit the context window',
  content_policy_fallback: 'It is the fallback for what the content policy withholds',
  hedge: 'It was asked beside one that was slow',
  unhealthy: 'Health probes kept all targets back, and it was tried all the same',
  cache: 'The cache answered, so that no target was asked',
};

const policies: Readonly<Record<string, string>> = {
  weighted: 'by weight',
  round_robin: 'in turn',
  least_busy: 'by what runs there',
  latency: 'by latency',
  cost: 'by cost',
  usage: 'by what of their limits is used',
  prompt: 'by the prompt (affinity)',
  user: 'by the user (affinity)',
};

function routeWords({ way, after, model, rules, policy, passed_over, passed_over_more = 0 }: TakenRoute): string {
  const words = [
    `${ways[way ?? ''] ?? 'It was chosen'}${after === null ? '' : ` after ${plain(after)}`}. Model: ${model}${rules.length === 0 ? '' : `, by rule ${rules.map((rule) => rule + 1).join(', then rule ')} of the route`}.`,
  ];
  if (policy !== null) words.push(`Candidates were put in order ${policies[policy] ?? policy}.`);
  if (passed_over.length > 0) {
    const each = passed_over.map(({ target, why }) => `${target} (${plain(why)})`);
    words.push(`Passed over before: ${each.join(', ')}${passed_over_more > 0 ? ` and ${passed_over_more} more` : ''}.`);
  }
  return words.join(' ');
}

const plain = (word: string): string => word.replaceAll('_', ' ');

const stateWords = ({ state, ready_in_ms }: TakenRoute['candidates'][number]): string =>
  `${plain(state)}${ready_in_ms === undefined ? '' : `, for ${milliseconds(ready_in_ms)}`}`;

function measureWords({
  weight,
  in_flight,
  latency_ms,
  cost_usd,
  used_share,
}: TakenRoute['candidates'][number]): string {
  const words: string[] = [];
  if (latency_ms !== undefined) words.push(milliseconds(latency_ms));
  if (in_flight !== undefined) words.push(`${in_flight} running`);
  if (cost_usd !== undefined) words.push(dollars(cost_usd));
  if (used_share !== undefined) words.push(`${Math.round(used_share * 100)} % used`);
  if (weight !== undefined) words.push(`weight ${weight}`);
  return words.join(', ') || '–';
}
