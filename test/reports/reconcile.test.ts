/** Exports beside the ledger: their published columns are read, and differences are explained where the figures tell why. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { anthropic } from '../../providers/anthropic.js';
import { openai } from '../../providers/openai.js';
import type { ExportFormat } from '../../src/provider/provider-type.js';
import { nanoFrom, pageOf, pagesWrong, readExport } from '../../src/reports/provider-export.js';
import {
  type Cause,
  type Compared,
  isExplained,
  type ModelDay,
  modelKey,
  reconcile,
} from '../../src/reports/reconcile.js';

const read = (text: string, formats: readonly ExportFormat[]): ModelDay[] => {
  const found = readExport(text, formats);
  assert.ok(found.ok, found.ok ? '' : found.refusal.message);
  return found.value;
};

const ours = (
  day: string,
  model: string,
  tokens: [bigint, bigint, bigint],
  nano: bigint,
  countedTokens = 0n,
): ModelDay => ({
  day,
  model,
  figures: { requests: 1n, tokens: { input: tokens[0], cached: tokens[1], output: tokens[2] }, nano },
  roundedNano: 0n,
  countedTokens,
});

describe('exports', () => {
  test("OpenAI's usage export: cached input is taken out of the input, empty buckets are left out", () => {
    const text = [
      '\ufeffstart_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens,input_audio_tokens,output_audio_tokens,input_uncached_tokens',
      '1761523200,1761523260,2025-10-27T00:00:00+00:00,2025-10-27T00:01:00+00:00,,,,,,,,,,,,,',
      '1761523800,1761523860,2025-10-27T00:10:00+00:00,2025-10-27T00:11:00+00:00,proj_1,3.0,,key_1,gpt-4o-mini-2024-07-18,False,,7162,1673,1280,0,0,5882',
    ].join('\r\n');
    assert.deepEqual(
      read(text, openai.exports).map(({ day, model, figures }) => [day, model, figures]),
      [
        [
          '2025-10-27',
          'gpt-4o-mini-2024-07-18',
          { requests: 3n, tokens: { input: 5882n, cached: 1280n, output: 1673n }, nano: null },
        ],
      ],
    );
  });

  test("OpenAI's cost export: a line item names the model", () => {
    const text = [
      'start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,quantity_unit,line_item,user_id,api_key_id,project_id,organization_id,project_name,organization_name,user_email,api_source',
      '1790467200,1790553600,2026-09-27T00:00:00+00:00,2026-09-28T00:00:00+00:00,,,,,,,,,,,,,',
      '1790553600,1790640000,2026-09-28T00:00:00,2026-09-29T00:00:00,0.003835980000000000000000000000,usd,1000,tokens,"gpt-5-nano, input_tokens",,key_1,proj_a,org,,,x@example.com,',
    ].join('\n');
    const [row] = read(text, openai.exports);
    assert.deepEqual([row?.day, row?.model, row?.figures.nano], ['2026-09-28', 'gpt-5-nano', 3_835_980n]);
  });

  test("Anthropic's usage and cost exports", () => {
    const usage =
      'usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count,inference_geo,speed\n' +
      '2026-03-22,claude-sonnet-4-20250514,test-key,Default,standard,≤ 200k,100000,10,20,30,5000,0,,\n';
    assert.deepEqual(read(usage, anthropic.exports)[0]?.figures.tokens, {
      input: 100_000n,
      cached: 60n,
      output: 5000n,
    });
    const cost =
      'usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,inference_geo,speed\n' +
      '2026-03-22,Claude Sonnet 4,Default,k,message,≤ 200k,input_no_cache,0.30,0.30,token,global,\n';
    const [row] = read(cost, anthropic.exports);
    assert.equal(row?.figures.nano, 300_000_000n);
    assert.equal(row?.roundedNano, 5_000_000n);
    assert.equal(modelKey('Claude Sonnet 4'), modelKey('claude-sonnet-4-20250514'));
  });

  test('what is no such export, an unreadable time and another currency are told', () => {
    const refused = (text: string) => {
      const found = readExport(text, openai.exports);
      return found.ok ? null : found.refusal.message;
    };
    assert.match(refused('date,model,spend\n') ?? '', /none of a known export/);
    assert.match(
      refused('start_time,model,input_tokens,output_tokens\nsoon,gpt,1,2\n') ?? '',
      /line 2: `soon` is no time/,
    );
    assert.match(
      refused('start_time,amount_value,amount_currency,line_item\n1790553600,1,eur,gpt\n') ?? '',
      /amounts in eur are not compared/,
    );
  });

  test('models are the same under their several names', () => {
    for (const [one, other] of [
      ['gpt-4o-mini', 'gpt-4o-mini-2024-07-18'],
      ['Claude Haiku 4.5', 'claude-haiku-4-5-20251001'],
      ['claude-3-5-sonnet-latest', 'Claude Sonnet 3.5'],
      ['openai/gpt-4o', 'GPT-4o'],
    ] as const) {
      assert.equal(modelKey(one), modelKey(other), `${one} ${other}`);
    }
    assert.notEqual(modelKey('gpt-4o'), modelKey('gpt-4o-mini'));
    assert.notEqual(modelKey('claude-sonnet-4'), modelKey('claude-sonnet-4-5'));
  });

  test('amounts are read to the nano-dollar', () => {
    assert.equal(nanoFrom('1,234.5'), 1_234_500_000_000n);
    assert.equal(nanoFrom('$0.0000000005'), 1n);
    assert.equal(nanoFrom('1e-7'), 100n);
    assert.equal(nanoFrom('-0.25'), -250_000_000n);
    assert.equal(nanoFrom('ten'), null);
    assert.equal(nanoFrom(''), null);
  });
});

describe('reconciliation', () => {
  const usageOf = (rows: readonly [day: string, model: string, input: number, output: number][]): ModelDay[] =>
    read(
      `start_time,model,num_model_requests,input_tokens,output_tokens,input_cached_tokens\n${rows
        .map(([day, model, input, output]) => `${day},${model},1,${input},${output},0`)
        .join('\n')}`,
      openai.exports,
    );
  const costOf = (rows: readonly [day: string, item: string, usd: string][]): ModelDay[] =>
    read(
      `start_time,amount_value,amount_currency,line_item\n${rows.map(([day, item, usd]) => `${day},${usd},usd,"${item}"`).join('\n')}`,
      openai.exports,
    );
  const causes = (mine: readonly ModelDay[], theirs: readonly ModelDay[]) =>
    reconcile(mine, theirs).map(({ day, cause }) => [day, cause]);

  test('days and models that agree are equal, in tokens and in money', () => {
    const mine = [ours('2026-11-01', 'gpt-4o-2024-08-06', [100n, 0n, 20n], 450_000n)];
    const theirs = [
      ...usageOf([['2026-11-01', 'gpt-4o', 100, 20]]),
      ...costOf([
        ['2026-11-01', 'gpt-4o, input', '0.00025'],
        ['2026-11-01', 'gpt-4o, output', '0.0002'],
      ]),
    ];
    const [row] = reconcile(mine, theirs);
    assert.equal(row?.cause, 'equal');
    assert.equal(row?.differenceNano, 0n);
  });

  test('what only one side has is missing on the other', () => {
    assert.deepEqual(causes([], usageOf([['2026-11-01', 'gpt-4o', 5, 5]])), [['2026-11-01', 'missing_here']]);
    const mine = [ours('2026-11-01', 'a', [1n, 0n, 0n], 5n), ours('2026-11-03', 'b', [1n, 0n, 0n], 5n)];
    assert.deepEqual(causes(mine, usageOf([['2026-11-01', 'a', 1, 0]])), [
      ['2026-11-01', 'equal'],
      ['2026-11-03', 'missing_there'],
    ]);
  });

  test('the same tokens at another price, and amounts that were rounded', () => {
    const mine = [ours('2026-11-01', 'm', [1000n, 0n, 100n], 10_004_000n)];
    const usage = usageOf([['2026-11-01', 'm', 1000, 100]]);
    assert.deepEqual(causes(mine, [...usage, ...costOf([['2026-11-01', 'm, all', '0.02']])]), [
      ['2026-11-01', 'price'],
    ]);
    assert.deepEqual(causes(mine, [...usage, ...costOf([['2026-11-01', 'm, all', '0.01']])]), [
      ['2026-11-01', 'rounding'],
    ]);
  });

  test('requests on the other side of midnight cancel out over two days', () => {
    const mine = [ours('2026-11-01', 'm', [900n, 0n, 0n], 0n), ours('2026-11-02', 'm', [1100n, 0n, 0n], 0n)];
    const theirs = usageOf([
      ['2026-11-01', 'm', 1000, 0],
      ['2026-11-02', 'm', 1000, 0],
    ]);
    assert.deepEqual(causes(mine, theirs), [
      ['2026-11-01', 'time_zone_edge'],
      ['2026-11-02', 'time_zone_edge'],
    ]);
  });

  test('what was counted here says so, and what nothing explains is unexplained', () => {
    const theirs = usageOf([['2026-11-01', 'm', 1000, 0]]);
    assert.deepEqual(causes([ours('2026-11-01', 'm', [990n, 0n, 0n], 0n, 20n)], theirs), [['2026-11-01', 'counted']]);
    assert.deepEqual(causes([ours('2026-11-01', 'm', [990n, 0n, 0n], 0n)], theirs), [['2026-11-01', 'unexplained']]);
  });
});

describe("pages of the providers' APIs", () => {
  const page = (results: object[], more = false, at = 1_790_553_600) =>
    JSON.stringify({
      object: 'page',
      data: [{ object: 'bucket', start_time: at, end_time: at + 86_400, results }],
      has_more: more,
      next_page: more ? 'page_2' : null,
    });
  const used = (model: string | null, input: number, output: number, cached = 0) => ({
    object: 'organization.usage.completions.result',
    input_tokens: input,
    output_tokens: output,
    input_cached_tokens: cached,
    num_model_requests: 2,
    model,
  });

  test("OpenAI's usage and costs", () => {
    const [usage] = read(page([used('gpt-4o-mini-2024-07-18', 100, 20, 30)]), openai.exports);
    assert.deepEqual(
      [usage?.day, usage?.model, usage?.figures],
      [
        '2026-09-28',
        'gpt-4o-mini-2024-07-18',
        { requests: 2n, tokens: { input: 70n, cached: 30n, output: 20n }, nano: null },
      ],
    );
    const costs = page([
      { object: 'organization.costs.result', amount: { value: 0.06, currency: 'usd' }, line_item: 'gpt-4o, input' },
    ]);
    const [cost] = read(costs, openai.exports);
    assert.deepEqual([cost?.model, cost?.figures.nano, cost?.roundedNano], ['gpt-4o', 60_000_000n, 1n]);
  });

  test("OpenAI's usage of embeddings, which have no output", () => {
    const [row] = read(
      page([{ input_tokens: 16, num_model_requests: 2, model: 'text-embedding-3-small' }]),
      openai.exports,
    );
    assert.deepEqual(row?.figures.tokens, { input: 16n, cached: 0n, output: 0n });
  });

  test("Anthropic's usage and cost reports, whose amounts are cents", () => {
    const at = { starting_at: '2026-11-01T00:00:00Z', ending_at: '2026-11-02T00:00:00Z' };
    const usage = JSON.stringify({
      data: [
        {
          ...at,
          results: [
            {
              uncached_input_tokens: 1500,
              cache_creation: { ephemeral_1h_input_tokens: 1000, ephemeral_5m_input_tokens: 500 },
              cache_read_input_tokens: 200,
              output_tokens: 500,
              model: 'claude-sonnet-4-5-20250929',
            },
          ],
        },
      ],
      has_more: false,
      next_page: null,
    });
    const [row] = read(usage, anthropic.exports);
    assert.deepEqual([row?.day, row?.figures.tokens], ['2026-11-01', { input: 1500n, cached: 1700n, output: 500n }]);
    const cost = JSON.stringify({
      data: [{ ...at, results: [{ currency: 'USD', amount: '123.78912', model: 'claude-sonnet-4-5-20250929' }] }],
    });
    assert.equal(read(cost, anthropic.exports)[0]?.figures.nano, 1_237_891_200n);
  });

  test('a list of pages is read as one, and a list without its end is refused', () => {
    const first = page([used('a', 1, 1)], true);
    const last = page([used('a', 2, 2)], false, 1_790_640_000);
    assert.equal(read(`[${first},${last}]`, openai.exports).length, 2);
    const open = readExport(`[${last},${first}]`, openai.exports);
    assert.match(open.ok ? '' : open.refusal.message, /there are more/);
  });

  test('pages that are missing or given twice are told', () => {
    const pages = (...texts: string[]) => pagesWrong(texts.map((text, i) => pageOf(`${i}.json`, text)!));
    const first = page([used('a', 1, 1)], true);
    const last = page([used('a', 2, 2)], false, 1_790_640_000);
    const costs = page([{ amount: { value: 1, currency: 'usd' }, line_item: 'a' }]);
    assert.equal(pages(first, last), null);
    assert.equal(pages(first, last, costs), null);
    assert.match(pages(first) ?? '', /more pages .* than 0\.json/);
    assert.match(pages(first, costs) ?? '', /more pages .* than 0\.json/);
    assert.match(pages(first, last, last) ?? '', /2\.json has what 1\.json has too/);
    assert.equal(pages(first, page([], false)), null);
  });

  test('usage without models, counts that are none and broken JSON are refused, not left out', () => {
    const refused = (text: string) => {
      const found = readExport(text, openai.exports);
      return found.ok ? null : found.refusal.message;
    };
    assert.match(refused(page([used(null, 10, 10)])) ?? '', /page 1, bucket 1: it tells no model/);
    assert.equal(refused(page([])), null);
    assert.match(refused(page([{ ...used('a', 1, 1), input_tokens: 'many' }])) ?? '', /`many` is no count/);
    assert.match(refused(page([{ ...used('a', 1, 1), input_tokens: -5 }])) ?? '', /`-5` is no count/);
    assert.match(refused(page([used('a', 1, 1, 5)])) ?? '', /more cached tokens than input/);
    assert.match(refused('{"data": [') ?? '', /no JSON/);
    assert.match(refused('{"error": {}}') ?? '', /page 1 has no `data`/);
    assert.match(
      refused('start_time,model,input_tokens,output_tokens\n2026-11-01,,5,5\n') ?? '',
      /line 2: it tells no model/,
    );
  });
});

describe('what is not proven is unexplained', () => {
  const side = (day: string, [input, cached, output]: [bigint, bigint, bigint], nano: bigint | null): ModelDay => ({
    day,
    model: 'm',
    figures: { requests: null, tokens: { input, cached, output }, nano },
    roundedNano: 1n,
    countedTokens: 0n,
  });
  const costOnly = (day: string, nano: bigint, roundedNano = 1n): ModelDay => ({
    ...side(day, [0n, 0n, 0n], nano),
    figures: { requests: null, tokens: null, nano },
    roundedNano,
  });
  const causes = (mine: readonly ModelDay[], theirs: readonly ModelDay[]) =>
    reconcile(mine, theirs).map(({ cause }) => cause);
  const [one, two] = ['2026-11-01', '2026-11-02'];

  test('the same sum of other kinds of tokens is no equality and no other price', () => {
    const mine = [side(one, [900n, 100n, 50n], 1_000_000n)];
    assert.deepEqual(causes(mine, [side(one, [1000n, 0n, 50n], 1_000_000n)]), ['unexplained']);
    assert.deepEqual(causes(mine, [side(one, [1000n, 0n, 50n], 2_000_000n)]), ['unexplained']);
    assert.deepEqual(causes(mine, [side(one, [900n, 100n, 50n], 2_000_000n)]), ['price']);
  });

  test('money without tokens beside it has no cause but rounding', () => {
    const mine = [side(one, [900n, 0n, 0n], 5_000_000n), side(two, [900n, 0n, 0n], 5_000_000n)];
    assert.deepEqual(causes(mine, [costOnly(one, 6_000_000n), costOnly(two, 4_000_000n)]), [
      'unexplained',
      'unexplained',
    ]);
    assert.deepEqual(causes([mine[0]!], [costOnly(one, 5_000_001n)]), ['rounding']);
  });

  test('two days are an edge only where every figure cancels out', () => {
    const mine = [side(one, [900n, 0n, 10n], null), side(two, [1100n, 0n, 10n], null)];
    assert.deepEqual(causes(mine, [side(one, [1000n, 0n, 10n], null), side(two, [1000n, 0n, 10n], null)]), [
      'time_zone_edge',
      'time_zone_edge',
    ]);
    assert.deepEqual(causes(mine, [side(one, [990n, 0n, 20n], null), side(two, [1000n, 0n, 10n], null)]), [
      'unexplained',
      'unexplained',
    ]);
  });

  test('what was counted explains no more than it can have been off by', () => {
    const mine = { ...side(one, [1000n, 0n, 0n], null), countedTokens: 100n };
    const against = (input: bigint) => causes([mine], [side(one, [input, 0n, 0n], null)]);
    assert.deepEqual(against(1080n), ['counted']);
    assert.deepEqual(against(900n), ['counted']);
    assert.deepEqual(against(899n), ['unexplained'], 'less than what the provider itself told');
    assert.deepEqual(against(1101n), ['unexplained']);
  });

  test('an amount that ends early is not rounded there where others of its file are finer', () => {
    const rows = (...amounts: string[]) =>
      read(
        `start_time,amount_value,amount_currency,line_item\n${amounts.map((amount) => `2026-11-01,${amount},usd,m`).join('\n')}`,
        openai.exports,
      ).map(({ roundedNano }) => roundedNano);
    assert.deepEqual(rows('5'), [5_000_000n]);
    assert.deepEqual(rows('0.5', '0.123456'), [500n, 500n]);
  });

  test('only causes that the figures prove are explained', () => {
    const explained = (cause: Cause) => isExplained({ cause } as Compared);
    assert.deepEqual((['equal', 'price', 'rounding', 'time_zone_edge', 'counted'] as const).map(explained), [
      true,
      true,
      true,
      true,
      true,
    ]);
    assert.deepEqual((['missing_here', 'missing_there', 'unexplained'] as const).map(explained), [false, false, false]);
  });
});
