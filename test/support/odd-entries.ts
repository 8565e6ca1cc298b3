/** Entries of every shape, with texts that a format could trip over. */
import fc from 'fast-check';
import type { Entry } from '../../src/ledger/entry.js';
import { entry } from '../contract/ledger.js';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', 'a\nb', ',', '(a)', '', ' ', 'null', '\u2028', 'plain', '\u0001'),
);
const whole = fc.oneof(fc.constant(0), fc.maxSafeNat());
const given = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const nonZero = given(fc.integer({ min: 1 }));

export const oddEntries: fc.Arbitrary<Entry> = fc
  .record({
    texts: fc.array(text, { minLength: 8, maxLength: 8 }),
    maybe: fc.array(fc.option(text), { minLength: 4, maxLength: 4 }),
    tags: fc.array(text, { maxLength: 3 }),
    metadata: fc.dictionary(fc.string(), fc.oneof(text, fc.integer(), fc.constant(null)), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    tokens: fc.array(whole, { minLength: 8, maxLength: 8 }),
    cost: fc.array(whole, { minLength: 5, maxLength: 5 }),
    rare: fc.record({ image_input: nonZero, image_output: nonZero, request: nonZero, saved_nusd: given(whole) }),
    more: fc.record({
      ...{
        service_tier: given(text),
        provider_request_id: given(text),
        decision: given(text),
        billed_nusd: given(whole),
        corrects: given(text),
        hold: given(text),
      },
      estimate: given(fc.constantFrom('intent' as const, 'progress' as const)),
      flags: given(fc.constant(['sent_unknown'] as const)),
      correction: given(fc.constantFrom('reversal' as const, 'replacement' as const)),
    }),
    ms: fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 3, maxLength: 3 }),
  })
  .map(({ texts, maybe, tags, metadata, tokens, cost, rare, more, ms }) => {
    const [id, request_id, key, endpoint, model, provider, target, price_version] = texts as [string, ...string[]];
    const [team, user, served_model, error] = maybe;
    const [input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, audio_input, audio_output] = tokens;
    const { image_input, image_output, request, saved_nusd } = rare;
    return withoutUndefined({
      ...entry({ attempt: 2 }),
      ...{ id, request_id, key, team, user, tags, metadata, endpoint, model, served_model, provider, target, error },
      ...{ price_version, saved_nusd, ...more, limit_model: user ?? undefined },
      tokens: withoutUndefined({
        ...{ input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, audio_input, audio_output },
        ...{ image_input, image_output },
      }),
      cost_nusd: withoutUndefined({
        ...{ input: cost[0], cache_read: cost[1], cache_write: cost[2], output: cost[3], request, total: cost[4] },
      }),
      ...{ first_byte_ms: ms[0], duration_ms: ms[1], overhead_ms: ms[2] },
    }) as Entry;
  });

const withoutUndefined = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
