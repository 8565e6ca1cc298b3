/**
 * What the APIs in use say when they fail, as their bodies have it, and what it means. Every rule, and every way in which a rule
 * words it, has a row here: the last tests find one that has none.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { providers } from '../../providers/index.js';
import { errorIn, readErrorBody } from '../../src/formats/error-body.js';
import type { FailureClass, UpstreamFailure } from '../../src/formats/failure.js';
import type { FailureRule } from '../../src/formats/failure-rules.js';
import { vendorFailures } from '../../src/formats/vendor-failures.js';
import { classify } from '../../src/router/classify.js';

type Row = readonly [is: FailureClass, status: number, body: unknown];

const error = (message: string, more: object = {}) => ({ error: { message, ...more } });
const google = (code: number, status: string, message: string, details: object[] = []) => ({
  error: { code, message, status, details },
});
const quota = (quotaId: string) => ({ violations: [{ quotaId }] });
const delay = { '@type': 'x/google.rpc.RetryInfo', retryDelay: '12s' };

const vendors: Readonly<Record<string, readonly Row[]>> = {
  OpenAI: [
    [
      'quota',
      429,
      error('You exceeded your current quota, please check your plan and billing details.', {
        type: 'insufficient_quota',
      }),
    ],
    [
      'rate_limit',
      429,
      error('Rate limit reached for gpt-4o on requests per day (RPD): Limit 200', { code: 'rate_limit_exceeded' }),
    ],
    [
      'context_window',
      400,
      error("This model's maximum context length is 128000 tokens.", { code: 'context_length_exceeded' }),
    ],
    [
      'content_policy',
      400,
      error('Your request was rejected as a result of our safety system.', { type: 'image_generation_user_error' }),
    ],
    ['credential', 401, error('Incorrect API key provided: sk-abc.', { code: 'invalid_api_key' })],
  ],
  Azure: [
    [
      'content_policy',
      400,
      error("The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", {
        code: 'content_filter',
      }),
    ],
    ['not_found', 404, error('The API deployment for this resource does not exist.', { code: 'DeploymentNotFound' })],
    ['not_found', 400, error('Could not find an existing deployment to match the model')],
    ['not_found', 404, error('Resource not found', { code: '404' })],
    [
      'credential',
      401,
      { statusCode: 401, message: 'Unauthorized. Access token is missing, invalid, audience is incorrect' },
    ],
    ['overload', 408, error('The system is currently experiencing high demand.', { code: 'NoCapacity' })],
    [
      'rate_limit',
      429,
      error('Requests have exceeded call rate limit. Please retry after 6 seconds.', { code: '429' }),
    ],
  ],
  Anthropic: [
    ['credential', 401, { type: 'error', error: { type: 'authentication_error', message: 'invalid x-api-key' } }],
    [
      'quota',
      403,
      { type: 'error', error: { type: 'api_error', message: 'Your credit balance is too low to access the API.' } },
    ],
    [
      'context_window',
      400,
      {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: 'input length and `max_tokens` exceed context limit: 1 + 2 > 2',
        },
      },
    ],
    [
      'context_window',
      400,
      { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens > 8 maximum' } },
    ],
    ['overload', 529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }],
  ],
  Gemini: [
    [
      'quota',
      429,
      [
        google(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.', [
          quota('GenerateRequestsPerDayPerProjectPerModel-FreeTier'),
          delay,
        ]),
      ],
    ],
    ['quota', 429, google(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded for metric: x, limit: 0')],
    [
      'rate_limit',
      429,
      [
        google(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.', [
          quota('GenerateRequestsPerMinutePerProject'),
          delay,
        ]),
      ],
    ],
    ['rate_limit', 429, google(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded, limit: 0.5')],
    ['overload', 503, google(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.')],
    ['transient', 500, google(500, 'INTERNAL', 'An internal error has occurred.')],
    [
      'context_window',
      400,
      google(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      ),
    ],
    [
      'credential',
      400,
      [
        google(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
          { reason: 'API_KEY_INVALID' },
        ]),
      ],
    ],
    [
      'credential',
      400,
      google(400, 'INVALID_ARGUMENT', 'API key expired. Please renew it.', [{ reason: 'API_KEY_EXPIRED' }]),
    ],
    ['credential', 400, google(400, 'INVALID_ARGUMENT', 'API key not found. Please pass a valid API key.')],
    ['credential', 400, google(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.')],
    [
      'credential',
      403,
      google(403, 'PERMISSION_DENIED', 'Generative Language API has not been used in project 1 before.', [
        { reason: 'SERVICE_DISABLED' },
      ]),
    ],
    ['not_found', 404, google(404, 'NOT_FOUND', 'models/gemini-9 is not found for API version v1beta')],
    ['content_policy', 400, google(400, 'INVALID_ARGUMENT', 'The prompt was blocked due to the safety filter.')],
    ['content_policy', 400, google(400, 'INVALID_ARGUMENT', 'Blocked by the safety settings.')],
    ['caller', 400, google(400, 'INVALID_ARGUMENT', 'Invalid value at generation_config.temperature')],
  ],
  Vertex: [
    ['rate_limit', 429, google(429, 'RESOURCE_EXHAUSTED', 'Resource exhausted. Please try again later.')],
    [
      'not_found',
      404,
      google(
        404,
        'NOT_FOUND',
        'Publisher Model `projects/p/models/gemini-9` was not found or your project does not have access to it.',
      ),
    ],
    ['quota', 403, google(403, 'PERMISSION_DENIED', 'This API method requires billing to be enabled.')],
    ['credential', 401, google(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.')],
    ['credential', 400, google(400, 'PERMISSION_DENIED', 'Denied.')],
  ],
  Bedrock: [
    [
      'rate_limit',
      429,
      { __type: 'ThrottlingException', message: 'Too many tokens, please wait before trying again.' },
    ],
    ['rate_limit', 400, { __type: 'x#TooManyRequestsException', message: 'Too many requests' }],
    [
      'quota',
      429,
      { __type: 'ThrottlingException', message: 'Too many tokens per day, please wait before trying again.' },
    ],
    ['rate_limit', 429, { message: 'Too many tokens, please wait before trying again.' }],
    ['quota', 400, { __type: 'ServiceQuotaExceededException', message: 'x' }],
    ['overload', 429, { __type: 'ModelNotReadyException', message: 'The model is not ready.' }],
    ['overload', 500, { __type: 'ServiceUnavailableException', message: 'x' }],
    [
      'credential',
      403,
      { __type: 'AccessDeniedException', message: "You don't have access to the model with the specified model ID." },
    ],
    [
      'credential',
      400,
      { __type: 'UnrecognizedClientException', message: 'The security token included in the request is invalid.' },
    ],
    ['credential', 400, { __type: 'ExpiredTokenException', message: 'expired' }],
    ['credential', 400, { __type: 'InvalidSignatureException', message: 'x' }],
    ['transient', 424, { __type: 'ModelErrorException', message: 'x' }],
    ['transient', 424, { __type: 'ModelStreamErrorException', message: 'x' }],
    ['transient', 408, { __type: 'ModelTimeoutException', message: 'x' }],
    ['context_window', 400, { message: 'Input is too long for requested model.' }],
    ['context_window', 400, { message: 'Too many input tokens. Max input tokens: 8192' }],
    ['not_found', 400, { message: 'The provided model identifier is invalid.' }],
    [
      'not_found',
      400,
      { message: "Invocation of model ID anthropic.claude with on-demand throughput isn't supported." },
    ],
  ],
  Mistral: [
    ['credential', 401, { detail: 'Unauthorized' }],
    [
      'overload',
      429,
      {
        object: 'error',
        message: 'Service tier capacity exceeded for this model.',
        type: 'service_tier_capacity_exceeded',
        code: '3505',
      },
    ],
    ['overload', 429, { message: 'Service tier capacity exceeded for this model.' }],
    ['rate_limit', 429, { message: 'Requests rate limit exceeded' }],
    ['not_found', 400, { object: 'error', message: 'Invalid model: x', type: 'invalid_model', code: '1500' }],
    ['not_found', 400, { object: 'error', message: 'Invalid model: x' }],
    [
      'context_window',
      400,
      {
        object: 'error',
        message:
          'Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
      },
    ],
    ['context_window', 400, { message: { detail: [{ loc: ['body'], msg: 'Prompt is too large for model' }] } }],
    [
      'caller',
      422,
      {
        message: { detail: [{ type: 'extra_forbidden', loc: ['body', 'foo'], msg: 'Extra inputs are not permitted' }] },
      },
    ],
  ],
  Cohere: [
    ['credential', 401, { message: 'invalid api token' }],
    ['credential', 400, { message: 'invalid api token' }],
    ['credential', 400, { message: 'Invalid API key' }],
    [
      'quota',
      429,
      {
        message:
          'You are using a Trial key, which is limited to 1000 API calls / month. You can continue to use the Trial key for free.',
      },
    ],
    ['rate_limit', 429, { message: 'You are using a Trial key, which is limited to 10 API calls / minute.' }],
    ['context_window', 400, { message: 'too many tokens: total number of tokens in the prompt cannot exceed 4081' }],
    ['content_policy', 498, { message: 'blocked output: please try again with a different prompt' }],
    ['not_found', 404, { message: "model 'command-9' not found, make sure the correct model ID was used" }],
  ],
  DeepSeek: [
    ['quota', 402, error('Insufficient Balance', { type: 'unknown_error', code: 'invalid_request_error' })],
    ['content_policy', 400, error('Content Exists Risk', { type: 'invalid_request_error' })],
    ['not_found', 400, error('Model Not Exist', { type: 'invalid_request_error' })],
    ['credential', 401, error('Authentication Fails (no such user)', { type: 'authentication_error' })],
  ],
  Qwen: [
    ['content_policy', 400, error('Input data may contain inappropriate content.', { code: 'data_inspection_failed' })],
    [
      'content_policy',
      400,
      { code: 'DataInspectionFailed', message: 'Output data may contain inappropriate content.' },
    ],
    ['content_policy', 400, error('<400> Data inspection failed.')],
    ['quota', 400, error('Access denied, please make sure your account is in good standing.', { code: 'Arrearage' })],
    [
      'quota',
      429,
      error('Allocated quota exceeded, please increase your quota limit.', { code: 'Throttling.AllocationQuota' }),
    ],
    ['quota', 429, error('x', { code: 'AllocationQuota' })],
    ['quota', 400, error('x', { code: 'CommodityNotPurchased' })],
    ['quota', 400, error('x', { code: 'PrepaidBillOverdue' })],
    ['quota', 403, error('The account is in arrears.')],
    ['rate_limit', 429, error('You exceeded your current requests list.', { code: 'limit_requests' })],
    ['rate_limit', 429, error('x', { code: 'limit_burst_rate' })],
    ['rate_limit', 429, error('x', { code: 'Throttling' })],
    ['rate_limit', 429, error('x', { code: 'Throttling.RateQuota' })],
    ['rate_limit', 400, error('x', { code: 'Throttling.BurstRate' })],
    ['credential', 401, error('x', { code: 'InvalidApiKey' })],
    ['credential', 400, error('x', { code: 'AccessDenied.Unpurchased' })],
    ['credential', 400, error('x', { code: 'Model.AccessDenied' })],
    ['credential', 400, error('x', { code: 'ApiKeyDisabled' })],
    ['not_found', 404, error('x', { code: 'ModelNotFound' })],
    ['not_found', 400, error('x', { code: 'model_not_supported' })],
    [
      'context_window',
      400,
      error('<400> Range of input length should be [1, 30720]', { code: 'invalid_parameter_error' }),
    ],
  ],
  Kimi: [
    ['quota', 429, error('You exceeded your current token quota', { type: 'exceeded_current_quota_error' })],
    ['quota', 403, error('Your account org-x<ak-y> is suspended, please check your plan and billing details')],
    ['quota', 403, error('Your account is no longer active.')],
    [
      'overload',
      429,
      error('The engine is currently overloaded, please try again later', { type: 'engine_overloaded_error' }),
    ],
    ['overload', 429, error('The engine is currently overloaded, please try again later')],
    ['rate_limit', 429, error('request reached max organization concurrency', { type: 'rate_limit_reached_error' })],
    ['credential', 400, error('Invalid Authentication', { type: 'invalid_authentication_error' })],
    ['credential', 400, error('Incorrect API key', { type: 'incorrect_api_key_error' })],
    [
      'content_policy',
      400,
      error('The request was rejected because it was considered high risk', { type: 'content_filter' }),
    ],
    [
      'context_window',
      400,
      error('Invalid request: Your request exceeded model token limit: 8192', { type: 'invalid_request_error' }),
    ],
    [
      'not_found',
      404,
      error('Not found the model moonshot-9 or Permission denied', { type: 'resource_not_found_error' }),
    ],
  ],
  xAI: [
    [
      'credential',
      400,
      {
        code: 'Client specified an invalid argument',
        error: 'Incorrect API key provided: xa***1. You can obtain an API key from https://console.x.ai.',
      },
    ],
    ['credential', 403, { code: 'The caller does not have permission to execute the specified operation', error: 'x' }],
    [
      'quota',
      403,
      { code: 'x', error: "Your newly created teams doesn't have any credits yet. You can purchase credits." },
    ],
    ['quota', 429, { error: 'Your team has either used all available credits or reached its monthly spending limit.' }],
    ['quota', 429, { error: 'Your team has reached its monthly spending limit.' }],
    [
      'context_window',
      400,
      { error: "This model's maximum prompt length is 131072 but the request contains 537812 tokens." },
    ],
    ['not_found', 404, { error: 'The model grok-9 does not exist or your team x does not have access to it.' }],
    ['content_policy', 403, { error: 'Content violates usage guidelines.' }],
  ],
  Groq: [
    ['invalid_output', 400, error('Failed to call a function.', { code: 'tool_use_failed' })],
    ['invalid_output', 400, error('Failed to generate JSON.', { code: 'json_validate_failed' })],
    ['invalid_output', 400, error('x', { code: 'output_parse_failed' })],
    [
      'rate_limit',
      413,
      error('Request too large for model on tokens per minute (TPM)', { type: 'tokens', code: 'rate_limit_exceeded' }),
    ],
    ['overload', 498, error('Flex tier capacity exceeded', { code: 'capacity_exceeded' })],
    ['not_found', 400, error('The model has been decommissioned', { code: 'model_decommissioned' })],
    ['not_found', 400, error('x', { code: 'model_not_active' })],
    ['credential', 400, error('Organization has been restricted.', { code: 'organization_restricted' })],
    ['credential', 400, error('x', { code: 'blocked_api_access' })],
    ['credential', 400, error('x', { code: 'account_suspended' })],
    ['credential', 400, error('x', { code: 'organization_disabled' })],
    [
      'context_window',
      400,
      error('Please reduce the length of the messages or completion.', { code: 'context_length_exceeded' }),
    ],
  ],
  Together: [
    ['quota', 402, error('Credit limit exceeded', { type: 'credit_limit' })],
    ['rate_limit', 429, error('x', { type: 'model_rate_limit' })],
    ['rate_limit', 503, error('x', { type: 'dynamic_request_limited' })],
    ['rate_limit', 503, error('x', { type: 'dynamic_token_limited' })],
    ['not_found', 404, error('Unable to access model x. Please visit the site.', { type: 'invalid_request_error' })],
    ['not_found', 400, error('x', { code: 'model_not_available' })],
    ['context_window', 422, error('`inputs` tokens + `max_new_tokens` must be <= 4097')],
  ],
  vLLM: [
    [
      'context_window',
      400,
      {
        object: 'error',
        message: "This model's maximum context length is 4096 tokens. However, you requested 5000.",
        type: 'BadRequestError',
        code: 400,
      },
    ],
    [
      'context_window',
      400,
      { object: 'error', message: 'max_tokens must be at least 1, got -5.', type: 'BadRequestError', code: 400 },
    ],
    [
      'context_window',
      400,
      error('The decoder prompt (length 9000) is longer than the maximum model length of 8192.', {
        type: 'BadRequestError',
        code: 400,
      }),
    ],
    ['not_found', 404, error('The model `x` does not exist.', { type: 'NotFoundError', code: 404 })],
  ],
  SGLang: [
    [
      'context_window',
      400,
      {
        object: 'error',
        message: "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
        type: 'BadRequestError',
        code: 400,
      },
    ],
  ],
  TGI: [
    [
      'context_window',
      422,
      {
        error: 'Input validation error: `inputs` must have less than 1024 tokens. Given: 2000',
        error_type: 'validation',
      },
    ],
    ['overload', 429, { error: 'Model is overloaded', error_type: 'overloaded' }],
    ['transient', 424, { error: 'Request failed during generation', error_type: 'generation' }],
  ],
  'llama.cpp': [
    [
      'context_window',
      500,
      error('the request exceeds the available context size.', {
        type: 'exceed_context_size_error',
        n_ctx: 4096,
        code: 500,
      }),
    ],
    ['overload', 503, error('Loading model', { type: 'unavailable_error', code: 503 })],
    ['overload', 500, error('Loading model')],
    ['overload', 500, error('x', { type: 'server_overloaded' })],
    ['context_window', 400, error('input is too large to process. increase the physical batch size')],
    ['credential', 400, error('Invalid API Key', { type: 'authentication_error', code: 401 })],
  ],
  'LM Studio': [
    [
      'context_window',
      400,
      {
        error:
          'Trying to keep the first 9000 tokens when the context overflows. However, the model is loaded with context length of only 4096 tokens.',
      },
    ],
    [
      'not_found',
      404,
      error('No models loaded. Please load a model in the developer page or use the `lms load` command.'),
    ],
  ],
  Ollama: [
    ['not_found', 404, { error: 'model "x" not found, try pulling it first' }],
    ['context_window', 400, { error: 'the input length exceeds the context length' }],
    ['overload', 503, { error: 'server busy, please try again.  maximum pending requests exceeded' }],
    ['overload', 500, { error: 'maximum pending requests exceeded' }],
    ['overload', 500, { error: 'server busy, please try again.' }],
    ['overload', 500, { error: 'model requires more system memory (8.4 GiB) than is available (3.1 GiB)' }],
  ],
  OpenRouter: [
    ['quota', 402, error('Insufficient credits. Add more using https://openrouter.ai/credits', { code: 402 })],
    ['content_policy', 403, error('x requires moderation on Y. Your input was flagged for "violence".', { code: 403 })],
    ['not_found', 404, error('No endpoints found for x/y.', { code: 404 })],
    ['not_found', 400, error('x/y is not a valid model ID', { code: 400 })],
    [
      'rate_limit',
      429,
      error('Provider returned error', { code: 429, metadata: { raw: 'x is temporarily rate-limited upstream.' } }),
    ],
    [
      'context_window',
      400,
      error('Provider returned error', { code: 400, metadata: { raw: '{"error":{"message":"prompt is too long"}}' } }),
    ],
  ],
  'Z.ai': [
    ['quota', 429, error('余额不足', { code: '1113' })],
    ['quota', 429, error('x', { code: 1112 })],
    ['rate_limit', 429, error('x', { code: '1302' })],
    ['rate_limit', 429, error('x', { code: '1303' })],
    ['overload', 429, error('x', { code: '1305' })],
    ['content_policy', 400, error('x', { code: '1301' })],
    ['context_window', 400, error('x', { code: '1261' })],
    ['not_found', 400, error('x', { code: '1211' })],
  ],
  others: [
    ['credential', 400, error('x', { type: 'invalid_api_key' })],
    ['credential', 400, error('x', { type: 'permission_error' })],
    ['quota', 402, error('Payment required')],
    ['quota', 412, error('Out of credits')],
    ['quota', 403, error('Please check your billing details.')],
    ['quota', 429, error('Limit of requests per day reached')],
    ['context_window', 400, error('This exceeds the context window.')],
    ['context_window', 413, error('The input exceed context limit')],
    ['content_policy', 400, error('violates the usage policy of the house')],
    ['content_policy', 400, error('rejected by the content filter')],
    ['not_found', 404, error('The model gpt-9 is not available')],
  ],
};

/** Under status 200, with no status of its own. */
const inBand: readonly (readonly [FailureClass, unknown])[] = [
  ['rate_limit', { base_resp: { status_code: 1002, status_msg: 'rate limit' } }],
  ['rate_limit', { base_resp: { status_code: 1039, status_msg: 'TPM limit' } }],
  ['credential', { base_resp: { status_code: 1004, status_msg: 'login fail' } }],
  ['credential', { base_resp: { status_code: 2049, status_msg: 'invalid api key' } }],
  ['quota', { base_resp: { status_code: 1008, status_msg: 'insufficient balance' } }],
  ['content_policy', { base_resp: { status_code: 1026, status_msg: 'input new_sensitive' } }],
  ['content_policy', { base_resp: { status_code: 1027, status_msg: 'output new_sensitive' } }],
  ['context_window', error("This model's maximum context length is 8 tokens.")],
  ['quota', error('Insufficient credits', { code: 402 })],
  ['overload', error('Overloaded', { type: 'overloaded_error' })],
  ['transient', error('Something broke')],
];

const failures: UpstreamFailure[] = [];

for (const [vendor, rows] of Object.entries(vendors)) {
  describe(vendor, () => {
    for (const [is, status, body] of rows) {
      const failure = readErrorBody(status, Buffer.from(JSON.stringify(body)));
      failures.push(failure);
      test(`${status} ${failure.code ?? failure.type ?? ''} ${failure.message.slice(0, 90)} is ${is}`, () => {
        for (const type of ['openai-compatible', 'openai'])
          assert.equal(classify(failure, providers[type]!.failures), is);
      });
    }
  });
}

describe('inside an answer', () => {
  for (const [is, body] of inBand) {
    const failure: UpstreamFailure = { kind: 'in_band', ...errorIn(body)! };
    failures.push(failure);
    test(`${JSON.stringify(body).slice(0, 90)} is ${is}`, () =>
      assert.equal(classify(failure, providers['openai-compatible']!.failures), is));
  }
});

describe('what a caller wrote', () => {
  for (const words of [
    'insufficient balance',
    'your account is suspended',
    'no capacity',
    'spending limit',
    'Overloaded',
    'api key not valid',
  ]) {
    test(`"${words}" in a message about its request means nothing`, () => {
      const body = Buffer.from(JSON.stringify(error(`Invalid value: "${words}"`, { code: 'invalid_value' })));
      assert.equal(classify(readErrorBody(400, body), providers['openai']!.failures), 'caller');
    });
  }
});

describe('every rule has its row', () => {
  for (const rule of vendorFailures) {
    test(`${rule.is} ${rule.status ?? ''} ${rule.code ?? rule.type ?? ''} ${String(rule.message ?? '').slice(0, 60)}`, () => {
      assert.deepEqual(
        waysOf(rule).filter(
          (way) => !failures.some((failure) => classify(failure, [way]) === rule.is && matches(way, failure)),
        ),
        [],
      );
    });
  }
});

/** By itself, whatever the status would mean. */
const matches = (way: FailureRule, failure: UpstreamFailure): boolean =>
  classify(failure, [{ ...way, is: 'caller' }]) !== classify(failure, [{ ...way, is: 'transient' }]);

/** The rule with each of the alternatives of its pattern alone. */
function waysOf(rule: FailureRule): FailureRule[] {
  const field = (['message', 'code', 'type'] as const).find((name) => rule[name] instanceof RegExp);
  if (field === undefined) return [rule];
  const { source, flags } = rule[field] as RegExp;
  return alternativesOf(source).map((one) => ({ ...rule, [field]: new RegExp(one, flags) }));
}

function alternativesOf(source: string): string[] {
  const wrapped = /^\^\(\?:(.*)\)(\$|\\b)?$/.exec(source);
  const [inner, before, after] = wrapped ? [wrapped[1]!, '^(?:', `)${wrapped[2] ?? ''}`] : [source, '', ''];
  const parts = [''];
  let depth = 0;
  for (let at = 0; at < inner.length; at++) {
    const char = inner[at]!;
    depth += char === '(' || char === '[' ? 1 : char === ')' || char === ']' ? -1 : 0;
    if (char === '|' && depth === 0) parts.push('');
    else parts[parts.length - 1] += char === '\\' ? char + inner[++at]! : char;
  }
  return parts.map((part) => `${before}${part}${after}`);
}
