/** What the APIs of other vendors say when they fail. */
import { error, type FailureRows } from './failure-words.js';

export const failuresOfVendors: FailureRows = {
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
};
