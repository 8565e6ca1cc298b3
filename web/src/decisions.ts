/** What entries tell of how their attempts came about. */

export interface TakenRoute {
  readonly way: string | null;
  readonly after: string | null;
  readonly model: string;
  readonly rules: readonly number[];
  readonly policy: string | null;
  readonly candidates: readonly {
    readonly target: string;
    readonly priority: number;
    readonly state: string;
    readonly ready_in_ms?: number;
    readonly weight?: number;
    readonly in_flight?: number;
    readonly latency_ms?: number;
    readonly cost_usd?: string;
    readonly used_share?: number;
  }[];
  readonly passed_over: readonly { readonly target: string; readonly why: string }[];
  readonly passed_over_more?: number;
  readonly more: number;
}

export interface TakenLimit {
  readonly scope: Readonly<Record<string, string>>;
  readonly unit: string;
  readonly per: string | null;
  readonly model: string | null;
  readonly max: string | number;
  readonly held: string | number;
  readonly remaining: string | number;
  readonly used: string | number;
}
