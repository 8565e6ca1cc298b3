/**
 * What becomes of each top-level field of a request of the messages dialect on its way to a chat completion. `carried`: it has
 * an equivalent. `harmless`: it tunes, labels or hints, so it is left out and named. `silent`: leaving it out changes nothing.
 * `refused`: an answer without it would be an answer to another question.
 */
import type { Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';

type Fate = 'carried' | 'harmless' | 'silent' | 'refused';

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

const isNoOp = (name: string, value: unknown): boolean =>
  (name === 'speed' && value === 'standard') || (Array.isArray(value) && value.length === 0);

export function checkParameters(body: Json, findings: Findings): void {
  for (const [name, value] of Object.entries(body)) {
    if (isAbsent(value) || isNoOp(name, value)) continue;
    const fate = Object.hasOwn(fates, name) ? fates[name] : undefined;
    if (fate === undefined) findings.unsupported(name, 'Extra inputs are not permitted: this model has no such field');
    else if (fate === 'harmless') findings.drop(name);
    else if (fate === 'refused') findings.unsupported(name, 'cannot be translated for this model');
  }
}
