/** What becomes of each top-level field of a request of the messages dialect on its way to a chat completion. */
import type { Json } from '../../lib/json.js';
import type { Findings } from '../findings.js';
import { type Fate, judgeParameters } from '../parameter-fates.js';

const fates: Readonly<Record<string, Fate>> = {
  model: 'carried',
  messages: 'carried',
  max_tokens: 'carried',
  system: 'carried',
  stream: 'carried',
  stop_sequences: 'carried',
  metadata: 'carried',
  thinking: 'carried',
  tools: 'carried',
  tool_choice: 'carried',
  temperature: 'carried',
  top_p: 'carried',
  top_k: 'carried',
  output_config: 'carried',
  output_format: 'carried',
  service_tier: 'carried',
  cache_control: 'carried',

  // Both look after the length of a conversation; what is not cleared is sent.
  context_management: 'harmless',
  diagnostics: 'harmless',
  speed: 'harmless',
  billing_policy: 'silent',
  // In bodies for platforms that take no such headers.
  anthropic_version: 'silent',
  anthropic_beta: 'silent',

  container: 'refused',
  mcp_servers: 'refused',
  thread: 'refused',
  compaction: 'refused',
  fallbacks: 'refused',
  fallback_credit_token: 'refused',
  inference_geo: 'refused',
};

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** Values that ask for what happens anyway. */
const noOps = { mcp_servers: isEmpty, fallbacks: isEmpty, speed: (value: unknown) => value === 'standard' };

export const checkParameters = (body: Json, findings: Findings): void =>
  judgeParameters(
    body,
    { fates, noOps, unknown: 'Extra inputs are not permitted: this model has no such field' },
    findings,
  );
