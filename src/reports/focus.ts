/**
 * The FinOps Open Cost and Usage Specification, version 1.2: one row for each hour, key, model, price and kind of tokens.
 * Costs are what the provider charges; what a team is billed with its markup is beside them in a column of our own, as are
 * the end user and the model as asked. Amounts are decimals with nine places, written from integers.
 */
import { withoutTrailing } from '../lib/without-trailing.js';
import { csvLine, textCell } from './csv.js';
import { dollars } from './figures.js';
import type { Encoder } from './formats.js';

/** An hour's use of one model at one price by one key. */
export interface UsageRow {
  readonly hourMs: number;
  readonly key: string;
  readonly keyName: string | null;
  readonly team: string | null;
  readonly user: string | null;
  readonly tags: readonly string[];
  readonly endpoint: string;
  readonly model: string;
  readonly servedModel: string | null;
  readonly provider: string;
  readonly target: string;
  readonly priceVersion: string;
  readonly serviceTier: string | null;
  readonly correction: boolean;
  /** How many entries were added up: each was rounded to the nano-dollar. */
  readonly entries: bigint;
  /** Money in nano-dollars. */
  readonly kinds: readonly { readonly kind: Kind; readonly quantity: bigint; readonly nano: bigint }[];
  /** What the row costs in all, and what is billed for it. */
  readonly totalNano: bigint;
  readonly billedNano: bigint;
}

export type Kind = 'input' | 'cache_read' | 'cache_write' | 'output' | 'request';

const meters: Readonly<Record<Kind, string>> = {
  input: 'Input Tokens',
  cache_read: 'Cached Input Tokens',
  cache_write: 'Cache Write Tokens',
  output: 'Output Tokens',
  request: 'Requests',
};

const HOUR_MS = 3_600_000;

/** FOCUS columns in alphabetical order, then ours. */
export const focusColumns = [
  ...['BilledCost', 'BillingAccountId', 'BillingAccountName', 'BillingCurrency', 'BillingPeriodEnd'],
  ...['BillingPeriodStart', 'ChargeCategory', 'ChargeClass', 'ChargeDescription', 'ChargeFrequency', 'ChargePeriodEnd'],
  ...[
    'ChargePeriodStart',
    'ConsumedQuantity',
    'ConsumedUnit',
    'ContractedCost',
    'ContractedUnitPrice',
    'EffectiveCost',
  ],
  ...['InvoiceIssuerName', 'ListCost', 'ListUnitPrice', 'PricingCategory', 'PricingQuantity', 'PricingUnit'],
  ...['ProviderName', 'PublisherName', 'ResourceId', 'ResourceName', 'ResourceType', 'ServiceCategory', 'ServiceName'],
  ...['ServiceSubcategory', 'SkuId', 'SkuMeter', 'SkuPriceDetails', 'SkuPriceId', 'SubAccountId', 'SubAccountName'],
  ...['SubAccountType', 'Tags', 'x_BilledOnCost', 'x_EndUser', 'x_Endpoint', 'x_Model', 'x_ServedModel'],
] as const;

type Column = (typeof focusColumns)[number];

export function focusEncoder(): Encoder<UsageRow> {
  return {
    head: () => Buffer.from(csvLine(focusColumns)),
    async rows(rows) {
      let text = '';
      for (const row of rows) {
        for (const charge of charges(row)) {
          const cells = charge as Readonly<Record<string, string | null>>;
          text += csvLine(focusColumns.map((name) => cells[name as Column] ?? ''));
        }
      }
      return Buffer.from(text);
    },
    end: async () => Buffer.alloc(0),
  };
}

function charges(row: UsageRow): Record<Column, string | null>[] {
  const kinds = row.kinds.filter(({ quantity, nano }) => quantity !== 0n || nano !== 0n);
  let billedLeft = row.billedNano;
  return kinds.map(({ kind, quantity, nano }, i) => {
    // The markup is on the whole; each kind gets its share, and the last one what rounding left.
    const share = row.totalNano === 0n ? 0n : (row.billedNano * nano) / row.totalNano;
    const billed = i === kinds.length - 1 ? billedLeft : share;
    billedLeft -= billed;
    return charge(row, kind, quantity, nano, billed);
  });
}

function charge(
  row: UsageRow,
  kind: Kind,
  quantity: bigint,
  nano: bigint,
  billed: bigint,
): Record<Column, string | null> {
  const hour = new Date(row.hourMs);
  const month = (ahead: number) => iso(Date.UTC(hour.getUTCFullYear(), hour.getUTCMonth() + ahead, 1));
  const cost = dollars(nano);
  const measured = quantity !== 0n;
  const unitPrice =
    measured && quantity < 0n === nano < 0n
      ? unitPriceOf(absolute(nano), absolute(quantity), absolute(row.entries))
      : null;
  const unit = kind === 'request' ? 'Requests' : 'Tokens';
  const what = row.servedModel ?? row.model;
  const tier = row.serviceTier ? { x_ServiceTier: row.serviceTier } : null;
  return {
    BilledCost: cost,
    BillingAccountId: 'tollgate',
    BillingAccountName: 'Tollgate',
    BillingCurrency: 'USD',
    BillingPeriodEnd: month(1),
    BillingPeriodStart: month(0),
    ChargeCategory: 'Usage',
    ChargeClass: row.correction ? 'Correction' : null,
    ChargeDescription: textCell(`${meters[kind]} of ${what} at ${row.provider}`),
    ChargeFrequency: 'Usage-Based',
    ChargePeriodEnd: iso(row.hourMs + HOUR_MS),
    ChargePeriodStart: iso(row.hourMs),
    ConsumedQuantity: measured ? String(quantity) : null,
    ConsumedUnit: measured ? unit : null,
    ContractedCost: cost,
    ContractedUnitPrice: unitPrice,
    EffectiveCost: cost,
    InvoiceIssuerName: textCell(row.provider),
    ListCost: cost,
    ListUnitPrice: unitPrice,
    PricingCategory: 'Standard',
    PricingQuantity: measured ? String(quantity) : null,
    PricingUnit: measured ? unit : null,
    ProviderName: textCell(row.provider),
    PublisherName: textCell(row.provider),
    ResourceId: textCell(row.key),
    ResourceName: textCell(row.keyName ?? row.key),
    ResourceType: 'Virtual Key',
    ServiceCategory: 'AI and Machine Learning',
    ServiceName: textCell(`${row.provider} inference`),
    ServiceSubcategory: 'Generative AI',
    SkuId: textCell(`${row.target}/${kind}`),
    SkuMeter: meters[kind],
    SkuPriceDetails: tier && textCell(JSON.stringify(tier)),
    SkuPriceId: textCell([row.target, kind, row.priceVersion, row.serviceTier, unitPrice].filter(Boolean).join('/')),
    SubAccountId: row.team === null ? null : textCell(row.team),
    SubAccountName: row.team === null ? null : textCell(row.team),
    SubAccountType: row.team === null ? null : 'Team',
    Tags: textCell(JSON.stringify(Object.fromEntries(row.tags.map((tag) => [tag, true])))),
    x_BilledOnCost: dollars(billed),
    x_EndUser: row.user === null ? null : textCell(row.user),
    x_Endpoint: textCell(row.endpoint),
    x_Model: textCell(row.model),
    x_ServedModel: row.servedModel === null ? null : textCell(row.servedModel),
  };
}

const iso = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/**
 * Dollars for one unit. Prices are whole pico-dollars of few digits, and each entry's cost was rounded: of the prices that these
 * costs can have come from, the roundest one. So rows of one price mostly have one unit price, and where they do not (some tokens
 * of a long context, few tokens) it is a part of their SKU price id. Where no single price can be behind it, the average, with
 * so many places that the product with the quantity is the cost.
 */
export function unitPriceOf(nano: bigint, quantity: bigint, entries: bigint): string {
  const [pico, slack] = [nano * 1000n, entries * 500n];
  const least = pico > slack ? (pico - slack + quantity - 1n) / quantity : nano === 0n ? 0n : 1n;
  const most = (pico + slack) / quantity;
  if (nano === 0n) return '0.0';
  for (let step = 10n ** 13n; step > 0n && least <= most; step /= 10n) {
    const near = ((pico / quantity + step / 2n) / step) * step;
    const above = ((least + step - 1n) / step) * step;
    if (near >= least && near <= most) return decimal(near, 12);
    if (above <= most) return decimal(above, 12);
  }
  const places = 9 + String(quantity).length + 1;
  return decimal((nano * 10n ** BigInt(places - 9) + quantity / 2n) / quantity, places);
}

const absolute = (value: bigint): bigint => (value < 0n ? 0n - value : value);

function decimal(value: bigint, places: number): string {
  const digits = String(value).padStart(places + 1, '0');
  return withoutTrailing(`${digits.slice(0, -places)}.${digits.slice(-places)}`, '0').replace(/\.$/, '.0');
}
