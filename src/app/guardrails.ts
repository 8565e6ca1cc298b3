/** The part of the composition that asks guards which answer elsewhere, and counts what all of them do. */

import type { GuardsReading } from '../api/admin/guardrails-routes.js';
import type { InForce } from '../catalog/snapshot.js';
import type { GuardPorts } from '../gateway/guard-input.js';
import { type GuardQuestion, type GuardVerdict, readVerdict } from '../guardrails/verdict.js';
import type { Clock } from '../lib/clock.js';
import type { WebhookGuardConfig } from '../lib/guard-spec.js';
import { newId } from '../lib/ids.js';
import { signedHeaders } from '../lib/standard-webhooks.js';
import type { Moderate } from '../operations/own-moderation.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { createDeliverer, type Deliverer } from '../webhooks/deliver.js';

/** Of an answer; texts that are replaced may be as long as those that were sent, and half as long again. */
const LEAST_ANSWER = 64 * 1024;
const LONGER = 1.5;
/** Characters of UTF-8 have up to four bytes, and JSON may write any of them in six. */
const MOST_BYTES_EACH = 6;

interface GuardrailsDeps {
  readonly inForce: () => InForce;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly moderate: Moderate;
}

export interface Guardrails {
  readonly ports: GuardPorts;
  /** For the admin API. */
  readonly admin: GuardsReading;
  close(): Promise<void>;
}

export function startGuardrails({ inForce, clock, log, metrics, moderate }: GuardrailsDeps): Guardrails {
  const deliverer = createDeliverer({ timeoutMs: () => 60_000, proxies: () => inForce().config.proxies });
  const counts = new Map<string, Map<string, number>>();
  return {
    ports: {
      clock,
      ask: (guard, question, signal) =>
        guard.kind === 'webhook'
          ? askWebhook(deliverer, guard, question, clock, signal)
          : moderate(guard, question, signal),
      guardSpoke: (guard, action, side) => {
        metrics.guardrail(guard, action, side);
        const of = counts.get(guard) ?? new Map<string, number>();
        counts.set(guard, of.set(`${side} ${action}`, (of.get(`${side} ${action}`) ?? 0) + 1));
      },
      onUnasked: (guard, why, requestId) =>
        log.warn({ request_id: requestId, guard, why }, 'a guard could not be asked'),
    },
    admin: {
      guardrails: () => {
        const { config } = inForce();
        return Object.values(config.guardrails).map((guard) => ({
          ...{ name: guard.name, kind: guard.kind, on: guard.on, action: guard.action },
          everywhere: config.defaults.guards.includes(guard.name),
          models: Object.entries(config.models).flatMap(([name, { guards }]) =>
            guards.includes(guard.name) ? [name] : [],
          ),
          spoke: Object.fromEntries(
            [...(counts.get(guard.name) ?? [])].map(([what, count]) => [what.replace(' ', '_'), count]),
          ),
        }));
      },
      knowsGuard: (name) => Object.hasOwn(inForce().config.guardrails, name),
    },
    close: () => deliverer.close(),
  };
}

/** What is sent: see docs/guardrails.md. */
async function askWebhook(
  { deliver }: Pick<Deliverer, 'deliver'>,
  guard: WebhookGuardConfig,
  { side, requestId, endpoint, model, key, team, user, texts }: GuardQuestion,
  clock: Clock,
  signal: AbortSignal,
): Promise<GuardVerdict> {
  const nowMs = clock.now();
  const id = newId('msg', nowMs);
  const body = JSON.stringify({
    type: 'guardrail.check',
    timestamp: new Date(nowMs).toISOString(),
    data: { guard: guard.name, where: side, request_id: requestId, endpoint, model, key, team, user, texts },
  });
  const chars = Math.max(LEAST_ANSWER, texts.reduce((sum, { length }) => sum + length, 0) * LONGER);
  const answer = await deliver(
    {
      url: guard.url,
      headers: signedHeaders(guard.secret === null ? [] : [guard.secret], { id, atMs: nowMs, body }),
      body,
      allowPrivate: guard.allow_private,
      whole: { timeoutMs: guard.timeout, mostBytes: chars * MOST_BYTES_EACH },
    },
    signal,
  );
  if (answer.error !== null) return { kind: 'failed', why: answer.error };
  return readVerdict(answer.response, texts, chars);
}
