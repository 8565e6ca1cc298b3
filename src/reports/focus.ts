/**
 * The FinOps Open Cost and Usage Specification, version 1.2: one row for each hour, key, model, price and kind of tokens.
 * Costs are what the provider charges; what a team is billed with its markup is beside them in a column of our own, as are
 * the end user and the model as asked. Amounts are decimals with nine places, written from integers.
 */
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
  const unitPrice = measured && quantity < 0n === nano < 0n ? unitPriceOf(nano, quantity) : null;
  const unit = kind === 'request' ? 'Requests' : 'Tokens';
  const what = row.servedModel ?? row.model;
  const tier = row.serviceTier ? { ServiceTier: row.serviceTier } : null;
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
    SkuPriceId: textCell([row.target, kind, row.priceVersion, row.serviceTier].filter(Boolean).join('/')),
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

/** Dollars for one unit, with so many places that the product with the quantity is the cost to the nano-dollar. */
function unitPriceOf(nano: bigint, quantity: bigint): string {
  const places = 9 + String(quantity).length + 1;
  const scaled = (nano * 10n ** BigInt(places - 9) + quantity / 2n) / quantity;
  const digits = String(scaled).padStart(places + 1, '0');
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/0+$/, '').replace(/\.$/, '.0');
}
