/** The part of the composition that keeps responses. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BackgroundRuns } from '../api/openai/background.js';
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import { createSeal } from '../lib/seal.js';
import { secretsKeyOf } from '../lib/secrets-key.js';
import { messageOf } from '../lib/thrown.js';
import type { ConversationStore } from '../responses/conversation-store.js';
import { Conversations } from '../responses/conversations.js';
import type { ResponseStore } from '../responses/stored-response.js';
import { StoredResponses } from '../responses/stored-responses.js';
import type { Log } from '../telemetry/log.js';

/** Where responses and conversations are kept. */
export interface ResponseStores {
  readonly responses: ResponseStore;
  readonly conversations: ConversationStore;
}

interface ResponsesStart {
  readonly config: Config;
  readonly inForce: () => { readonly config: Config };
  readonly clock: Clock;
  readonly log: Log;
  readonly stores: ResponseStores;
  /** Other gateways, or other processes of this one, write to the same database. */
  readonly shared: boolean;
  /** Removes what is over. */
  readonly sweeps: boolean;
}

const LOOK_MS = 1_000;
const SWEEP_MS = 600_000;
/** What another gateway has answered is in the database a moment later. */
const LOOKS_AGAIN_AFTER_MS = [30, 100, 300];

export function startResponses({ config, inForce, clock, log, stores, shared, sweeps }: ResponsesStart) {
  const stored = new StoredResponses({
    store: stores.responses,
    seal: createSeal(secretsKeyOf(config), 'tollgate stored responses'),
    clock,
    settings: () => inForce().config.responses,
    looksAgainAfterMs: shared ? LOOKS_AGAIN_AFTER_MS : [],
    wait: (ms) => sleep(ms),
    onError: (error, response) => log.error({ response, error: messageOf(error) }, 'a response is not kept'),
  });
  const conversations = new Conversations({
    store: stores.conversations,
    seal: createSeal(secretsKeyOf(config), 'tollgate conversations'),
    clock,
    settings: () => inForce().config.responses,
    wait: (ms, signal) => sleep(ms, undefined, { signal, ref: false }),
    onError: (error, conversation) =>
      log.error({ conversation, error: messageOf(error) }, 'a conversation is not as it should be'),
  });
  const onError = (error: unknown): void => log.error({ error: messageOf(error) }, 'background responses');
  const runs = new BackgroundRuns(stored, LOOK_MS, onError);
  const timer = setInterval(() => {
    if (!sweeps) return;
    for (const kept of [stored, conversations])
      kept.sweep().catch((error: unknown) => log.error({ error: messageOf(error) }, 'upkeep of stored responses'));
  }, SWEEP_MS).unref();
  return {
    deps: { stored, conversations, runs, clock },
    close: async () => {
      clearInterval(timer);
      await conversations.close();
      await runs.close();
      await stored.close();
    },
  };
}
