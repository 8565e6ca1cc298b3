/** What tokens of a target cost, and where the price is from. */
import { Text } from '@radix-ui/themes';
import type { Pricing } from '../api';
import { count, dollars, time } from '../words';

type Price = NonNullable<Pricing['data'][number]['price']>;

const sources = { override: 'as configured', catalogue: 'list price', default: 'the default price' } as const;

/** `undefined`: not asked for, or not there yet. */
export function PriceOf({ price }: { price: Price | null | undefined }) {
  if (price === undefined) return '–';
  if (price === null) return 'none known';
  return (
    <>
      {price.rates.map(({ above_input_tokens: above, input, cache_read, output }) => (
        <div key={above}>
          {above > 0 && `above ${count(above)} tokens: `}
          {`${dollars(input)} in, ${dollars(output)} out`}
          {cache_read !== input && `, ${dollars(cache_read)} from its cache`}
        </div>
      ))}
      {price.request_usd > 0 && <div>{`${dollars(price.request_usd)} a request`}</div>}
      <Text size="1" color="gray">
        {sources[price.source]}
        {price.until !== null && `, until ${time(price.until)}`}
      </Text>
    </>
  );
}
