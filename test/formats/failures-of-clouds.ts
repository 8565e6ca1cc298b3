/** What the APIs of the largest makers and clouds say when they fail. */
import { delay, error, type FailureRows, google, quota } from './failure-words.js';

export const failuresOfClouds: FailureRows = {
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
};
