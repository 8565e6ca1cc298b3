/** For each shipped alert: series with which it fires once, and for whom. Values are in promtool's notation, one a minute. */
interface AlertCase {
  readonly series: Readonly<Record<string, string>>;
  /** When it has been firing for a while. */
  readonly at: string;
  /** Of the alert, beside its severity. */
  readonly labels?: Readonly<Record<string, string>>;
}

const one = { job: 'tollgate', instance: 'g1:4000' };
const g1 = 'job="tollgate",instance="g1:4000"';

export const alertCases: Readonly<Record<string, AlertCase>> = {
  TollgateDown: { series: { [`up{${g1}}`]: '1 0x30' }, at: '5m', labels: one },
  TollgateErrors: {
    series: { 'tollgate_requests_total{status="200"}': '0+90x60', 'tollgate_requests_total{status="502"}': '0+10x60' },
    at: '30m',
  },
  TollgateOverheadHigh: {
    series: {
      [`tollgate_overhead_seconds_bucket{${g1},le="0.05"}`]: '0+90x60',
      [`tollgate_overhead_seconds_bucket{${g1},le="0.1"}`]: '0+100x60',
      [`tollgate_overhead_seconds_bucket{${g1},le="+Inf"}`]: '0+100x60',
    },
    at: '30m',
    labels: { instance: one.instance },
  },
  TollgateEventLoopLate: {
    series: { [`nodejs_eventloop_lag_p99_seconds{${g1}}`]: '0.5x30' },
    at: '20m',
    labels: one,
  },
  TollgateOverloaded: { series: { [`tollgate_overload_level{${g1}}`]: '0 1x30' }, at: '10m', labels: one },
  TollgateMemoryHigh: { series: { [`process_resident_memory_bytes{${g1}}`]: '4e9x30' }, at: '20m', labels: one },
  TollgateFileDescriptors: {
    series: { [`process_open_fds{${g1}}`]: '900x30', [`process_max_fds{${g1}}`]: '1000x30' },
    at: '20m',
    labels: one,
  },
  TollgateVersionsDiffer: {
    series: {
      'tollgate_build_info{instance="g1:4000",version="1.0.0"}': '1x120',
      'tollgate_build_info{instance="g2:4000",version="1.1.0"}': '1x120',
    },
    at: '90m',
  },
  TollgateConfigRejected: {
    series: { [`tollgate_config_last_reload_successful{${g1}}`]: '1 0x30' },
    at: '20m',
    labels: one,
  },
  TollgateSpansLost: {
    series: { [`tollgate_trace_spans_total{${g1},result="failed"}`]: '0+10x60' },
    at: '40m',
    labels: { instance: one.instance, result: 'failed' },
  },
  TollgateDatabaseDown: { series: { [`tollgate_database_up{${g1}}`]: '1 0x30' }, at: '10m', labels: one },
  TollgateRedisDown: { series: { [`tollgate_redis_up{${g1}}`]: '1 0x30' }, at: '10m', labels: one },
  TollgateLimitsRecovering: {
    series: { [`tollgate_limits_state{${g1},state="recovering"}`]: '0 1x30' },
    at: '10m',
    labels: { ...one, state: 'recovering' },
  },
  TollgateLimitsApart: { series: { [`tollgate_limits_gateways_apart{${g1}}`]: '0 1x30' }, at: '20m', labels: one },
  TollgateEntriesWait: { series: { [`tollgate_spool_entries{${g1}}`]: '0+500x30' }, at: '20m', labels: one },
  TollgateSpoolRefuses: { series: { [`tollgate_spool_refusing{${g1}}`]: '0 1x30' }, at: '5m', labels: one },
  TollgateSpoolDamaged: { series: { [`tollgate_spool_damages{${g1}}`]: '0 1x30' }, at: '5m', labels: one },
  TollgateEntriesLost: { series: { [`tollgate_ledger_lost{${g1}}`]: '0 1x30' }, at: '5m', labels: one },
  TollgateContentLost: {
    series: { [`tollgate_capture_total{${g1},result="dropped_memory"}`]: '0x10 4x50' },
    at: '30m',
    labels: { ...one, result: 'dropped_memory' },
  },
  TollgateTargetFailing: {
    series: {
      'tollgate_upstream_responses_total{target="openai/m",code="200"}': '0+10x60',
      'tollgate_upstream_responses_total{target="openai/m",code="none"}': '0+20x60',
    },
    at: '30m',
    labels: { target: 'openai/m' },
  },
  TollgateAccountRefused: {
    series: { 'tollgate_upstream_responses_total{target="openai/m",code="401"}': '0+1x60' },
    at: '30m',
    labels: { target: 'openai/m' },
  },
  TollgateBreakerOpen: {
    series: { [`tollgate_breaker_state{${g1},target="openai/m"}`]: '0 2x30' },
    at: '20m',
    labels: { target: 'openai/m' },
  },
  TollgateProviderUnhealthy: {
    series: { [`tollgate_provider_healthy{${g1},provider="openai"}`]: '1 0x30' },
    at: '20m',
    labels: { provider: 'openai' },
  },
  TollgateManyRetries: {
    series: {
      'tollgate_retries_total{reason="overload"}': '0+30x60',
      'tollgate_requests_total{status="200"}': '0+100x60',
    },
    at: '40m',
  },
  TollgateRetryBudgetSpent: {
    series: { 'tollgate_retry_budget_spent_total{model="m"}': '0+1x60' },
    at: '30m',
    labels: { model: 'm' },
  },
  TollgateManyFallbacks: {
    series: { tollgate_fallbacks_total: '0+30x60', 'tollgate_requests_total{status="200"}': '0+100x60' },
    at: '40m',
  },
  TollgateImplausibleUsage: {
    series: { 'tollgate_implausible_usage_total{target="openai/m"}': '_x10 1x50' },
    at: '30m',
    labels: { target: 'openai/m' },
  },
  TollgateTeamRefused: {
    series: { 'tollgate_refused_requests_total{reason="budget_exceeded",team="search"}': '0+60x60' },
    at: '40m',
    labels: { team: 'search', reason: 'budget_exceeded' },
  },
  TollgateAuthFailures: {
    series: { 'tollgate_auth_failures_total{reason="unknown"}': '0+120x60' },
    at: '30m',
    labels: { reason: 'unknown' },
  },
  TollgateSpendJump: {
    series: { 'tollgate_cost_usd_total{model="m",provider="openai"}': '0+0.01x1300 14+1x120' },
    at: '1400m',
  },
  TollgateWebhookDead: {
    series: { [`tollgate_webhook_deliveries_total{${g1},result="dead"}`]: '0x10 1x50' },
    at: '30m',
    labels: { ...one, result: 'dead' },
  },
  TollgateWebhookEventsDropped: {
    series: { [`tollgate_webhook_events_dropped{${g1}}`]: '0 3x30' },
    at: '5m',
    labels: one,
  },
  TollgateRouteErrors: {
    series: {
      'tollgate_route_duration_seconds_count{route="shop",code="200"}': '0+90x60',
      'tollgate_route_duration_seconds_count{route="shop",code="503"}': '0+10x60',
    },
    at: '30m',
    labels: { route: 'shop' },
  },
  TollgateRouteBreakerOpen: {
    series: { [`tollgate_route_breaker_state{${g1},route="shop",target="10.0.0.5"}`]: '0 2x30' },
    at: '20m',
    labels: { route: 'shop', target: '10.0.0.5' },
  },
  TollgateRouteTargetUnhealthy: {
    series: { [`tollgate_route_target_healthy{${g1},route="shop",target="10.0.0.5"}`]: '1 0x30' },
    at: '20m',
    labels: { route: 'shop', target: '10.0.0.5' },
  },
};
