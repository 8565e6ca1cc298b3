/**
 * What errors mean in the words of the many APIs that are spoken to in one of the formats here, directly or through a router:
 * their codes and types first, then their words, which count only beside a status that fits. A format's own rules come before.
 */
import type { FailureRule } from './failure-rules.js';

/** Statuses under which words tell of a request that is too long. */
const REQUEST = [400, 413, 422];
/** Statuses under which words tell of money and quotas. */
const MONEY = [402, 403, 412, 429];

const codes: readonly FailureRule[] = [
  // Google tells every limit by one status: those of a day, and those that are nothing at all, are quotas.
  { is: 'quota', type: /^RESOURCE_EXHAUSTED$/, message: /PerDay|limit: 0(?!\.?\d)/ },
  { is: 'rate_limit', type: /^RESOURCE_EXHAUSTED$/ },
  { is: 'overload', type: /^UNAVAILABLE$/ },
  { is: 'credential', type: /^(?:UNAUTHENTICATED|PERMISSION_DENIED)$/, status: [400, 401] },
  { is: 'credential', status: [400], message: /API_KEY_INVALID|API_KEY_EXPIRED/ },
  // Bedrock
  { is: 'quota', type: /^ThrottlingException\b/, message: /tokens per day/i },
  { is: 'rate_limit', type: /^(?:ThrottlingException|TooManyRequestsException)\b/ },
  { is: 'overload', type: /^(?:ModelNotReadyException|ServiceUnavailableException)\b/ },
  { is: 'quota', type: /^ServiceQuotaExceededException\b/ },
  {
    is: 'credential',
    type: /^(?:UnrecognizedClientException|ExpiredTokenException|InvalidSignatureException|AccessDeniedException)\b/,
  },
  { is: 'transient', type: /^(?:ModelErrorException|ModelStreamErrorException|ModelTimeoutException)\b/ },
  // Qwen (Model Studio)
  { is: 'quota', code: /^(?:Arrearage|(?:Throttling\.)?AllocationQuota|CommodityNotPurchased|PrepaidBillOverdue)\b/ },
  { is: 'rate_limit', code: /^(?:limit_requests|limit_burst_rate|Throttling(?:\.RateQuota|\.BurstRate)?)$/ },
  { is: 'content_policy', code: /^(?:data_inspection_failed|DataInspectionFailed)$/ },
  { is: 'credential', code: /^(?:InvalidApiKey|AccessDenied\.Unpurchased|Model\.AccessDenied|ApiKeyDisabled)$/ },
  { is: 'not_found', code: /^(?:ModelNotFound|model_not_supported)$/ },
  // Kimi
  { is: 'quota', type: /^exceeded_current_quota_error$/ },
  { is: 'overload', type: /^engine_overloaded_error$/ },
  { is: 'rate_limit', type: /^rate_limit_reached_error$/ },
  { is: 'credential', type: /^(?:invalid_authentication_error|incorrect_api_key_error)$/ },
  { is: 'content_policy', type: /^content_filter$/ },
  // Mistral
  { is: 'overload', code: /^3505$/, status: [429] },
  { is: 'not_found', type: /^invalid_model$/ },
  // Groq: the model failed at what was asked of it, and may do better the next time.
  { is: 'invalid_output', code: /^(?:tool_use_failed|json_validate_failed|output_parse_failed)$/ },
  { is: 'not_found', code: /^(?:model_decommissioned|model_not_available|model_not_active)$/ },
  {
    is: 'credential',
    code: /^(?:organization_restricted|blocked_api_access|account_suspended|organization_disabled)$/,
  },
  // Together
  { is: 'quota', type: /^credit_limit$/ },
  { is: 'rate_limit', type: /^(?:model_rate_limit|dynamic_request_limited|dynamic_token_limited)$/ },
  // llama.cpp, TGI, and servers that word a type alone
  { is: 'context_window', type: /^exceed_context_size_error$/ },
  { is: 'overload', type: /^(?:unavailable_error|overloaded|server_overloaded)$/ },
  { is: 'credential', type: /^(?:authentication_error|invalid_api_key|permission_error)$/, status: [400, 401] },
  // Azure
  { is: 'overload', code: /^NoCapacity$/ },
  // Z.ai
  { is: 'quota', code: /^(?:1112|1113)$/, status: [400, 429] },
  { is: 'overload', code: /^1305$/, status: [400, 429, 500] },
  { is: 'rate_limit', code: /^(?:1302|1303)$/, status: [400, 429] },
  { is: 'content_policy', code: /^1301$/, status: [400] },
  { is: 'context_window', code: /^1261$/, status: [400] },
  { is: 'not_found', code: /^1211$/, status: [400, 404] },
  // MiniMax, beside status 200
  { is: 'rate_limit', type: /^base_resp$/, code: /^(?:1002|1039)$/ },
  { is: 'credential', type: /^base_resp$/, code: /^(?:1004|2049)$/ },
  { is: 'quota', type: /^base_resp$/, code: /^1008$/ },
  { is: 'content_policy', type: /^base_resp$/, code: /^(?:1026|1027)$/ },
];

const words: readonly FailureRule[] = [
  // A limit of a month or a day that words alone tell from one of a minute.
  { is: 'quota', status: [429], message: /trial key.{1,60}\/ month|(?:tokens|requests) per day/i },
  {
    is: 'quota',
    status: MONEY,
    message:
      /insufficient[ _](?:account )?(?:balance|quota|credit|funds)|in arrears|exceeded your current quota|credit balance|out of credits|(?:any|available) credits|spending limit|requires billing|billing details|payment required|account .{0,60}suspended|no longer active/i,
  },
  {
    is: 'content_policy',
    status: [400, 403, 422, 451],
    message:
      /content[ _](?:filter|policy|management)|data[ _]?inspection|content exists risk|usage guidelines|violat\w{1,10} .{0,40}usage polic|(?:input|prompt|request) was (?:flagged|blocked)|safety (?:system|settings|filter)|requires moderation/i,
  },
  { is: 'content_policy', status: [498], message: /blocked/i },
  {
    is: 'context_window',
    status: REQUEST,
    message:
      /context[ _](?:length|window|size)|maximum (?:context|prompt|model) length|exceeds the maximum number of tokens|(?:input|prompt) is too long|too (?:large|long) for model|exceeded model token limit|too many (?:input )?tokens|range of input length|exceed context limit|must have less than \d{1,9} tokens|max_new_tokens. must be|max_tokens must be at least 1, got -|input is too large to process|input length and .max_tokens. exceed/i,
  },
  {
    is: 'overload',
    status: [429, 500],
    message:
      /(?:model|server|engine|service)(?: is)?(?: currently| temporarily)? (?:overloaded|busy)|(?:no|over|at|tier) capacity|requires more system memory|maximum pending requests|loading model/i,
  },
  // Some refuse a credential with 400.
  {
    is: 'credential',
    status: [400],
    message:
      /^(?:incorrect api key|invalid api (?:key|token)|api key (?:not valid|expired|not found)|user location is not supported)/i,
  },
  {
    is: 'not_found',
    status: [400, 404],
    message:
      /could not find an existing deployment|model identifier is invalid|on-demand throughput isn.t supported|is not found for api version|publisher model .{1,200} not found|no endpoints found|is not a valid model id|no models? loaded|unable to access model|not found the model|^invalid model(?: name)?\b|^model not exist|^(?:the )?model \S{1,200} (?:does not exist|is not available|was not found|not found)/i,
  },
];

export const vendorFailures: readonly FailureRule[] = [...codes, ...words];
