/** The data plane's schemas of the OpenAPI document. */
type Json = Readonly<Record<string, unknown>>;

const object = (description: string, properties: Json, required = Object.keys(properties)): Json => ({
  ...{ type: 'object', description, properties, required, additionalProperties: true },
});
export const text = (description: string): Json => ({ type: 'string', description });
export const whole = (description: string): Json => ({ type: 'integer', description });
const flag = (description: string): Json => ({ type: 'boolean', description });
export const list = (items: Json, description: string): Json => ({ type: 'array', items, description });
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

const usage = object('What was used.', {
  prompt_tokens: whole('Tokens of the request.'),
  total_tokens: whole('All tokens.'),
});

export const schemas: Json = {
  ChatCompletionRequest: object(
    'A conversation, as OpenAI has it. Fields that are not named here go on to a target that speaks the same format.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      messages: list(object('One message.', { role: text('Who speaks.') }), 'The conversation so far.'),
      stream: { type: 'boolean', description: 'Answer in events.' },
      max_completion_tokens: whole('Most tokens of the answer.'),
    },
    ['model', 'messages'],
  ),
  ChatCompletion: object('A whole answer.', {
    id: text('Names the answer.'),
    object: text('`chat.completion`.'),
    created: whole('When, in seconds since the Unix epoch.'),
    model: text('The model that answered.'),
    choices: list(object('One answer.', { index: whole('Its number.') }), 'The answers.'),
    usage,
  }),
  MessageRequest: object(
    'A conversation, as Anthropic has it. Fields that are not named here go on to a target that speaks the same format.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      max_tokens: whole('Most tokens of the answer.'),
      messages: list(object('One turn.', { role: text('Who speaks.') }), 'The conversation so far.'),
      system: { description: 'Instructions: a text, or a list of texts.' },
      stream: { type: 'boolean', description: 'Answer in events.' },
    },
    ['model', 'max_tokens', 'messages'],
  ),
  CountRequest: object(
    'A conversation whose tokens are to be counted.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      messages: list(object('One turn.', { role: text('Who speaks.') }), 'The conversation so far.'),
    },
    ['model', 'messages'],
  ),
  TokenCount: object('A count.', {
    input_tokens: whole('Tokens of the conversation, its instructions and its tools.'),
  }),
  Message: object('A whole answer.', {
    id: text('Names the answer.'),
    type: text('`message`.'),
    role: text('`assistant`.'),
    model: text('The model that answered.'),
    content: list(object('One block.', { type: text('What it is.') }), 'What the model says.'),
    stop_reason: text('Why the answer ended.'),
    usage: object('What was used.', {
      input_tokens: whole('Tokens of the request that were neither read from nor written to the prompt cache.'),
      output_tokens: whole('Tokens of the answer.'),
    }),
  }),
  CompletionRequest: object(
    'A text to go on with, as OpenAI has it.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      prompt: { description: 'A text, a list of texts, tokens, or a list of lists of tokens.' },
      max_tokens: whole('Most tokens of each answer.'),
      stream: { type: 'boolean', description: 'Answer in events.' },
    },
    ['model', 'prompt'],
  ),
  Completion: object('A whole answer.', {
    id: text('Names the answer.'),
    object: text('`text_completion`.'),
    model: text('The model that answered.'),
    choices: list(object('One answer.', { index: whole('Its number.') }), 'The answers.'),
    usage,
  }),
  ResponseRequest: object(
    'A request for a response, as OpenAI has it. Fields that are not named here go on to a target that speaks the same format.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      input: { description: 'A text, or a list of items: messages, calls of tools and their results, reasoning.' },
      instructions: { type: ['string', 'null'], description: 'What the model is told first.' },
      stream: { type: 'boolean', description: 'Answer in events.' },
      max_output_tokens: whole('Most tokens of the answer, reasoning included.'),
    },
    ['model'],
  ),
  Response: object('A response.', {
    id: text('Names the response.'),
    object: text('`response`.'),
    created_at: whole('When, in seconds since the Unix epoch.'),
    status: text('`completed`, `incomplete`, `failed`, `in_progress`, `queued` or `cancelled`.'),
    model: text('The model that answered.'),
    output: list(object('One item.', { type: text('What it is.') }), 'What the model said, thought and called.'),
  }),
  DeletedResponse: object('A response that is forgotten.', {
    id: text('Names the response.'),
    object: text('`response`.'),
    deleted: { type: 'boolean', description: 'true.' },
  }),
  ResponseItems: object('A page of items.', {
    object: text('`list`.'),
    data: list(object('One item.', { id: text('Names the item.') }), 'The items.'),
    has_more: { type: 'boolean', description: 'Whether there are more.' },
  }),
  ConversationRequest: object('A conversation that begins.', {
    items: list(object('One item.', { type: text('What it is.') }), 'What was said before; at most 20 items.'),
    metadata: { type: ['object', 'null'], description: 'At most 16 pairs of texts.' },
  }),
  ConversationUpdate: object(
    'What is said of a conversation anew.',
    {
      metadata: {
        type: ['object', 'null'],
        description: 'At most 16 pairs of texts, in the place of those that are there.',
      },
    },
    ['metadata'],
  ),
  Conversation: object('A conversation.', {
    id: text('Names the conversation.'),
    object: text('`conversation`.'),
    created_at: whole('When, in seconds since the Unix epoch.'),
    metadata: { type: 'object', description: 'Pairs of texts.' },
  }),
  ConversationItems: object(
    'Items to add.',
    { items: list(object('One item.', { type: text('What it is.') }), 'At most 20 items.') },
    ['items'],
  ),
  ConversationItem: object('One item.', { id: text('Names the item.'), type: text('What it is.') }),
  EmbeddingRequest: object(
    'Texts to embed, as OpenAI has it.',
    {
      model: text('The model, by the name that the gateway gives it.'),
      input: { description: 'A text, a list of texts, tokens, or a list of lists of tokens.' },
      encoding_format: { enum: ['float', 'base64'], description: 'How vectors are written.' },
    },
    ['model', 'input'],
  ),
  Embeddings: object('Vectors in the order of the texts.', {
    object: text('`list`.'),
    model: text('The model that answered.'),
    data: list(object('One vector.', { index: whole('Which text it is of.') }), 'The vectors.'),
    usage,
  }),
  ContentRequest: object(
    'A conversation, as Google has it. Fields that are not named here go on to a target that speaks the same format.',
    {
      contents: list(
        object('What one side said.', { parts: list(object('A part.', {}), 'Its parts.') }),
        'The conversation so far.',
      ),
      systemInstruction: object('How the model is to answer.', {}),
      generationConfig: object('What steers the answer.', {}),
    },
    ['contents'],
  ),
  Content: object(
    'An answer, or a part of a stream.',
    {
      candidates: list(object('One answer.', {}), 'The answers.'),
      usageMetadata: object('What was used.', { totalTokenCount: whole('All tokens.') }),
      modelVersion: text('The model that answered.'),
      responseId: text('Names the answer.'),
    },
    [],
  ),
  ContentTokenCount: object('A count.', { totalTokens: whole('Tokens of the conversation.') }),
  EmbedContentRequest: object('A text to embed.', { content: object('The text, as parts.', {}) }),
  BatchEmbedContentsRequest: object('Texts to embed.', {
    requests: list(ref('EmbedContentRequest'), 'One for each text.'),
  }),
  ContentEmbedding: object('A vector.', {
    embedding: object('The vector.', { values: list({ type: 'number' }, 'Its numbers.') }),
  }),
  ContentEmbeddings: object('Vectors in the order of the texts.', {
    embeddings: list(object('One vector.', {}), 'The vectors.'),
  }),
  GoogleModel: object('A model that the key may use, as Google tells it.', {
    name: text('`models/` and what to send as the model.'),
    displayName: text('Its name.'),
    supportedGenerationMethods: list({ type: 'string' }, 'What it can be asked.'),
  }),
  GoogleModelList: object('Models, as Google lists them.', { models: list(ref('GoogleModel'), 'The models.') }),
  GoogleError: object('An error, as Google has it.', {
    error: object('What happened.', {
      code: whole('The HTTP status.'),
      message: text('What happened, and what to do.'),
      status: text('What happened, in a word.'),
    }),
  }),
  OwnKey: object('The key of the caller.', {
    object: text('`key`.'),
    id: text('The id of the key.'),
    name: text('Its name.'),
    prefix: text('The beginning of the secret.'),
    team: { type: ['string', 'null'], description: 'Its team; null: none.' },
    models: { type: ['array', 'null'], items: { type: 'string' }, description: 'The models it may use; null: all.' },
    endpoints: { type: ['array', 'null'], items: { type: 'string' }, description: 'The endpoints; null: all.' },
    tags: list({ type: 'string' }, 'The tags of all its entries.'),
    expires_at: { type: ['string', 'null'], description: 'When it stops working; null: never.' },
    limits: list(ref('LimitState'), 'Its limits and those of its team, with what is spent and left.'),
    month: ref('MonthSoFar'),
    last_used_at: { type: ['string', 'null'], description: 'When a request of it was entered last; null: never.' },
  }),
  Model: object(
    'A model that the key may use. What is not known of it is left out.',
    {
      id: text('What to send as `model`.'),
      object: text('`model`.'),
      created: whole('When, in seconds since the Unix epoch.'),
      owned_by: text('Whose it is.'),
      context_window: whole('Tokens of a request and its answer.'),
      max_output_tokens: whole('Most tokens of an answer.'),
      pricing: object('US dollars for a million tokens.', {
        input: { type: 'number', description: 'Of input.' },
        cached_input: { type: 'number', description: 'Of input that was read from a cache.' },
        output: { type: 'number', description: 'Of output.' },
      }),
      modalities: object('What it reads and answers with.', {
        input: list({ type: 'string' }, '`text`, `image`, `audio`, `video`, `file`.'),
        output: list({ type: 'string' }, '`text`, `image`, `audio`, `embedding`.'),
      }),
      abilities: object(
        'What it takes.',
        {
          sampling: flag('`temperature` and `top_p`.'),
          tools: flag('Tools.'),
          forced_tool: flag('A choice that a tool must be called.'),
          json_schema: flag('A JSON schema that its answer is held to.'),
          reasoning: text('How it is told how much to think: `none`, `effort`, `budget`, `level`, `adaptive`.'),
        },
        [],
      ),
    },
    ['id', 'object', 'created', 'owned_by'],
  ),
  ModelList: object('Models.', { object: text('`list`.'), data: list(ref('Model'), 'The models.') }),
  AnthropicError: object('An error, as Anthropic has it.', {
    type: text('`error`.'),
    error: object('What happened.', {
      type: text('Whose fault it is.'),
      message: text('What happened, and what to do.'),
    }),
    request_id: text('Leads to the request in the log of the gateway.'),
  }),
  OpenAiError: object('An error, as OpenAI has it.', {
    error: object('What happened.', {
      message: text('What happened, and what to do.'),
      type: text('Whose fault it is.'),
      param: { type: ['string', 'null'], description: 'The field that is at fault.' },
      code: { type: ['string', 'null'], description: 'What happened, in a word.' },
    }),
  }),
  Health: object('The state of the gateway.', { status: text('`ok`, `ready` or `unavailable`.') }),
};
