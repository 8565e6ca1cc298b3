/** The names of wire formats and of the endpoints that clients call. */

/** A wire format: what a client or an upstream speaks. */
export type FormatId =
  | 'openai-chat'
  | 'openai-completions'
  | 'openai-responses'
  | 'openai-embeddings'
  | 'anthropic-messages'
  | 'google-gemini'
  | 'google-embeddings'
  | 'vertex-embeddings'
  | 'bedrock-converse'
  | 'titan-embeddings'
  | 'cohere-embeddings';

/** What is asked for, as keys and entries of the ledger name it, whatever the wire format. */
export type Endpoint = 'chat' | 'embeddings';
