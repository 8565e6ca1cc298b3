/**
 * The FOCUS table against the rules of FOCUS 1.2 (Cost and Usage): which columns must be there, which may be null and when,
 * how values are written, and how columns agree with each other.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCsv } from '../../src/reports/csv.js';
import { focusEncoder, type UsageRow, unitPriceOf } from '../../src/reports/focus.js';
import { nanoFrom } from '../../src/reports/provider-export.js';

/** Feature level "Mandatory" in version 1.2; true: may be null. */
const mandatory: Readonly<Record<string, boolean>> = {
  BilledCost: false,
  BillingAccountId: false,
  BillingAccountName: true,
  BillingCurrency: false,
  BillingPeriodEnd: false,
  BillingPeriodStart: false,
  ChargeCategory: false,
  ChargeClass: true,
  ChargeDescription: true,
  ChargePeriodEnd: false,
  ChargePeriodStart: false,
  ContractedCost: false,
  EffectiveCost: false,
  InvoiceIssuerName: false,
  ListCost: false,
  PricingQuantity: true,
  PricingUnit: true,
  ProviderName: false,
  PublisherName: false,
  ServiceCategory: false,
  ServiceName: false,
};

/** Every column that version 1.2 defines and that may be here. */
const known = new Set([
  ...Object.keys(mandatory),
  ...[
    'AvailabilityZone',
    'BillingAccountType',
    'CapacityReservationId',
    'CapacityReservationStatus',
    'ChargeFrequency',
  ],
  ...['CommitmentDiscountCategory', 'CommitmentDiscountId', 'CommitmentDiscountName', 'CommitmentDiscountQuantity'],
  ...[
    'CommitmentDiscountStatus',
    'CommitmentDiscountType',
    'CommitmentDiscountUnit',
    'ConsumedQuantity',
    'ConsumedUnit',
  ],
  ...['ContractedUnitPrice', 'InvoiceId', 'ListUnitPrice', 'PricingCategory', 'PricingCurrency'],
  ...['PricingCurrencyContractedUnitPrice', 'PricingCurrencyEffectiveCost', 'PricingCurrencyListUnitPrice', 'RegionId'],
  ...['RegionName', 'ResourceId', 'ResourceName', 'ResourceType', 'ServiceSubcategory', 'SkuId', 'SkuMeter'],
  ...['SkuPriceDetails', 'SkuPriceId', 'SubAccountId', 'SubAccountName', 'SubAccountType', 'Tags'],
]);

const DECIMAL = /^-?\d+(\.\d+)?$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

const usage = (given: Partial<UsageRow> = {}): UsageRow => ({
  hourMs: Date.parse('2026-12-31T23:00:00Z'),
  key: 'key_1',
  keyName: 'search "prod", =x',
  team: 'search',
  user: '=HYPERLINK("http://evil")',
  tags: ['prod', 'a"b,c'],
  endpoint: 'chat',
  model: 'gpt-4o-mini',
  servedModel: 'gpt-4o-mini-2024-07-18',
  provider: 'openai',
  target: 'openai/gpt-4o-mini',
  priceVersion: 'genai-prices/1',
  serviceTier: null,
  correction: false,
  entries: 1n,
  kinds: [
    { kind: 'input', quantity: 1_234_567n, nano: 185_185_051n },
    { kind: 'cache_read', quantity: 0n, nano: 0n },
    { kind: 'cache_write', quantity: 7n, nano: 1n },
    { kind: 'output', quantity: 3n, nano: 1_801n },
    { kind: 'request', quantity: 1n, nano: 5_000n },
  ],
  totalNano: 185_191_853n,
  billedNano: 222_230_224n,
  ...given,
});

async function table(rows: readonly UsageRow[]): Promise<Record<string, string>[]> {
  const encoder = focusEncoder();
  const text = Buffer.concat([encoder.head(), await encoder.rows(rows), await encoder.end()]).toString();
  const [head, ...cells] = parseCsv(text);
  assert.ok(head);
  for (const row of cells) assert.equal(row.length, head.length);
  return cells.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]!])));
}

const correction = usage({
  correction: true,
  team: null,
  kinds: [
    { kind: 'input', quantity: 0n, nano: -150n },
    { kind: 'output', quantity: 0n, nano: 40n },
  ],
  totalNano: -110n,
  billedNano: -110n,
});

test('every mandatory column is there and filled, and no column is unknown but for those that begin with x_', async () => {
  const rows = await table([usage(), usage({ serviceTier: 'flex', keyName: null, servedModel: null }), correction]);
  assert.equal(rows.length, 4 + 4 + 2);
  for (const row of rows) {
    for (const [name, nullable] of Object.entries(mandatory)) {
      assert.ok(name in row, name);
      if (!nullable) assert.notEqual(row[name], '', name);
    }
    for (const name of Object.keys(row)) assert.ok(known.has(name) || name.startsWith('x_'), name);
  }
});

test('values are of their types and allowed words', async () => {
  for (const row of await table([usage(), correction])) {
    for (const name of ['BilledCost', 'ContractedCost', 'EffectiveCost', 'ListCost'])
      assert.match(row[name]!, DECIMAL, name);
    for (const name of ['BillingPeriodStart', 'BillingPeriodEnd', 'ChargePeriodStart', 'ChargePeriodEnd']) {
      assert.match(row[name]!, INSTANT, name);
    }
    assert.equal(row['BillingCurrency'], 'USD');
    assert.equal(row['ChargeCategory'], 'Usage');
    assert.ok(['', 'Correction'].includes(row['ChargeClass']!));
    assert.equal(row['ChargeFrequency'], 'Usage-Based');
    assert.equal(row['PricingCategory'], 'Standard');
    assert.equal(row['ServiceCategory'], 'AI and Machine Learning');
    assert.equal(row['ServiceSubcategory'], 'Generative AI');
    assert.ok(['Tokens', 'Requests', ''].includes(row['PricingUnit']!));
    for (const value of Object.values(JSON.parse(row['Tags']!) as object)) assert.equal(value, true);
    if (row['SkuPriceDetails']) JSON.parse(row['SkuPriceDetails']);
  }
});

test('periods contain each other, in UTC, also over the end of a year', async () => {
  const [row] = await table([usage()]);
  assert.equal(row?.['BillingPeriodStart'], '2026-12-01T00:00:00Z');
  assert.equal(row?.['BillingPeriodEnd'], '2027-01-01T00:00:00Z');
  assert.equal(row?.['ChargePeriodStart'], '2026-12-31T23:00:00Z');
  assert.equal(row?.['ChargePeriodEnd'], '2027-01-01T00:00:00Z');
});

test('a quantity times its unit price is the cost, to the nano-dollar', async () => {
  for (const row of await table([usage()])) {
    const product = Number(row['PricingQuantity']) * Number(row['ListUnitPrice']);
    assert.ok(
      Math.abs(product - Number(row['ListCost'])) <= 5.001e-10,
      `${row['SkuMeter']}: ${product} ${row['ListCost']}`,
    );
    assert.equal(row['ContractedUnitPrice'], row['ListUnitPrice']);
    assert.equal(row['ConsumedQuantity'], row['PricingQuantity']);
  }
});

test('quantities are positive where they are measured, and null for a correction, which says so', async () => {
  for (const row of await table([usage()])) assert.ok(Number(row['ConsumedQuantity']) > 0);
  for (const row of await table([correction])) {
    assert.equal(row['ChargeClass'], 'Correction');
    for (const name of ['ConsumedQuantity', 'ConsumedUnit', 'PricingQuantity', 'PricingUnit', 'ListUnitPrice']) {
      assert.equal(row[name], '', name);
    }
  }
});

test('sub accounts are teams, and all three of their columns are null where there is none', async () => {
  const [first] = await table([usage()]);
  assert.deepEqual(
    [first?.['SubAccountId'], first?.['SubAccountName'], first?.['SubAccountType']],
    ['search', 'search', 'Team'],
  );
  const [none] = await table([correction]);
  assert.deepEqual([none?.['SubAccountId'], none?.['SubAccountName'], none?.['SubAccountType']], ['', '', '']);
});

test('costs add up to the whole, and what is billed on does too, whatever rounding leaves', async () => {
  const rows = await table([usage()]);
  const sum = (name: string) => rows.reduce((total, row) => total + nanoFrom(row[name]!)!, 0n);
  assert.equal(sum('BilledCost'), 185_191_853n);
  assert.equal(sum('x_BilledOnCost'), 222_230_224n);
});

test('what cost nothing and used nothing is no row', async () => {
  const hit = usage({ kinds: [{ kind: 'input', quantity: 0n, nano: 0n }], totalNano: 0n, billedNano: 0n });
  assert.deepEqual(await table([hit]), []);
});

test('one SKU price id has one unit price, over many hours of small and large use', async () => {
  // gpt-4o-mini: 0.15, 0.075 and 0.6 dollars per million, each entry rounded to the nano-dollar.
  const pico = { input: 150_000n, cache_read: 75_000n, output: 600_000n } as const;
  const rows = Array.from({ length: 400 }, (_, i): UsageRow => {
    const tokens = BigInt((i * 7919) % 100_000) + 1n;
    const kinds = Object.entries(pico).map(([kind, each]) => ({
      kind: kind as keyof typeof pico,
      quantity: tokens,
      nano: (tokens * each + 500n) / 1000n,
    }));
    return usage({ kinds, totalNano: kinds.reduce((sum, { nano }) => sum + nano, 0n), billedNano: 0n });
  });
  // The same model in a long context costs twice.
  rows.push(usage({ kinds: [{ kind: 'input', quantity: 300_000n, nano: 90_000_000n }], totalNano: 90_000_000n }));
  const prices = new Map<string, Set<string>>();
  for (const row of await table(rows)) {
    const id = row['SkuPriceId']!;
    prices.set(id, (prices.get(id) ?? new Set()).add(row['ListUnitPrice']!));
  }
  for (const [id, unit] of prices) assert.equal(unit.size, 1, id);
  assert.deepEqual([...prices.values()].flatMap((unit) => [...unit]).sort(), [
    '0.000000075',
    '0.00000015',
    '0.0000003',
    '0.0000006',
  ]);
});

test('a unit price is the one that rounded costs came from, or their average where none is', () => {
  assert.equal(unitPriceOf(37_500n, 1000n, 1n), '0.0000000375');
  assert.equal(unitPriceOf(38n, 1n, 1n), '0.000000038');
  // Ten entries of 101 tokens at 37,500 pico-dollars: each 3,787.5 nano-dollars, rounded up.
  assert.equal(unitPriceOf(37_880n, 1010n, 10n), '0.0000000375');
  assert.equal(unitPriceOf(0n, 5n, 1n), '0.0');
  assert.equal(unitPriceOf(5_000n, 1n, 1n), '0.000005');
  const average = unitPriceOf(1_000_000_000_001n, 3_000_000_000n, 1n);
  assert.ok(Math.abs(Number(average) * 3e9 - 1000.000000001) < 5e-10, average);
});

test('what a provider adds to the details of a price has the prefix of its own', async () => {
  for (const row of await table([usage({ serviceTier: 'flex' })])) {
    for (const name of Object.keys(JSON.parse(row['SkuPriceDetails']!) as object)) assert.match(name, /^x_[A-Z]/);
    assert.match(row['SkuPriceId']!, /\/flex\//);
  }
});

test('texts of callers are no formulas', async () => {
  const [row] = await table([usage()]);
  assert.equal(row?.['x_EndUser'], `'=HYPERLINK("http://evil")`);
  assert.deepEqual(JSON.parse(row?.['Tags'] ?? ''), { prod: true, 'a"b,c': true });
});
