/** What servers that one runs oneself, and services in front of others, say when they fail. */
import { error, type FailureRows } from './failure-words.js';

export const failuresOfServers: FailureRows = {
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
