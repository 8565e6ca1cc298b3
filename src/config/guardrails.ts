/** The `guardrails` section: what is written, and what is used. */
import { z } from 'zod';
import { patternProblem } from '../lib/guard-pattern.js';
import { type GuardConfig, guardActions, guardSides, piiEntities } from '../lib/guard-spec.js';
import { urlProblem } from '../lib/public-address.js';
import { isSigningSecret, SIGNING_SECRET } from '../lib/webhook-spec.js';
import type { Path } from './problem.js';
import { mapValues } from './resolve-model.js';
import * as s from './scalars.js';

const guardName = z.string().regex(/^[a-z0-9][a-z0-9_.-]{0,62}$/i, 'a name of letters, digits, _, - and ., at most 63');

export const guardNames = z
  .array(guardName)
  .max(50, 'at most 50 guards')
  .describe('Names of guards under `guardrails` that read requests and answers.');

const on = z
  .union([z.enum(guardSides), z.array(z.enum(guardSides)).min(1)])
  .default(['input'])
  .describe('What it reads: input (what clients send), output (what they are answered), or both. Default input.');
const message = z.string().min(1).max(500).optional().describe('What a caller is told whose request it blocks.');
const action = z
  .enum(guardActions)
  .default('block')
  .describe('What it does: block, redact (a placeholder takes the place of what was found), log (counts only).');
const blockOrLog = z.enum(['block', 'log']).default('block').describe('What it does: block, or log (counts only).');
const restore = z
  .boolean()
  .default(false)
  .describe('What was redacted in the input is put back where the answer has its placeholder.');
const asked = {
  timeout: s.duration().prefault('5s').describe('How long it may take to answer. Default 5s.'),
  on_failure: z
    .enum(['allow', 'block'])
    .default('block')
    .describe('What happens where it does not answer in time, or not as it should. Default block.'),
};
const most = (what: string) => z.number().int().min(1).max(1_000_000_000).optional().describe(`Most ${what}.`);

const guard = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('pattern').describe('Looks for patterns of RE2.'),
    ...{ on, action, message, restore },
    patterns: z
      .array(z.string().min(1).max(2_000))
      .min(1)
      .max(100)
      .describe('Patterns of RE2: no look-around, no references back.'),
    placeholder: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]{0,39}$/, 'capital letters, digits and _, such as PROJECT')
      .optional()
      .describe('What placeholders are called: PROJECT makes [PROJECT_1]. Default MATCH.'),
  }),
  z.strictObject({
    kind: z.literal('pii').describe('Looks for personal data and secrets.'),
    ...{ on, action, message, restore },
    entities: z
      .array(z.enum(piiEntities))
      .min(1)
      .default([...piiEntities])
      .describe('What it looks for. Default all.'),
  }),
  z.strictObject({
    kind: z.literal('size').describe('Caps how much is sent or answered.'),
    ...{ on, action: blockOrLog, message },
    max_characters: most('characters of all texts together'),
    max_messages: most('messages of a request'),
    max_tokens: most('input tokens, as the model counts them'),
  }),
  z.strictObject({
    kind: z.literal('webhook').describe('Asks a service of yours.'),
    ...{ on, action: blockOrLog, message, ...asked },
    url: s.secret.describe('Where the texts are sent, by POST.'),
    secret: s.secret.optional().describe('Signs what is sent: whsec_ and 24 to 64 random bytes in base64.'),
    allow_private: z.boolean().default(false).describe('The address may be a private one; http is allowed then.'),
  }),
  z.strictObject({
    kind: z.literal('moderation').describe('Asks a model.'),
    ...{ on, action: blockOrLog, message, ...asked },
    model: z.string().min(1).max(200).describe('A name under `models`: one that answers chat completions.'),
    policy: z
      .string()
      .min(1)
      .max(4_000)
      .optional()
      .describe('What is not allowed, in words. Default: what harms people.'),
  }),
]);

export const guardrails = z
  .record(guardName, guard)
  .default({})
  .describe('Guards, by a name of your choice. They read what `defaults`, teams, keys and models name them for.');

type WrittenGuard = z.output<typeof guard>;
type Report = (path: Path, message: string) => void;
type Secret = (path: Path, value: z.output<typeof s.secret>) => string;

export const guardrailsOf = (
  written: Readonly<Record<string, WrittenGuard>>,
  secret: Secret,
  report: Report,
): Record<string, GuardConfig> => mapValues(written, (one, name) => guardOf(name, one, secret, report));

const POLICY =
  'Content that is sexual involving minors, that threatens, harasses or incites hatred or violence, that encourages self-harm, or that gives practical help with weapons, attacks or other serious crimes.';

function guardOf(name: string, written: WrittenGuard, secret: Secret, report: Report): GuardConfig {
  const at = (key: string): Path => ['guardrails', name, key];
  const base = { name, on: [...new Set([written.on].flat())], message: written.message ?? null };
  switch (written.kind) {
    case 'pattern': {
      const { kind, action, patterns, restore } = written;
      for (const [n, pattern] of patterns.entries()) {
        const problem = patternProblem(pattern);
        if (problem) report([...at('patterns'), n], problem);
      }
      return { ...base, kind, action, patterns, restore, placeholder: written.placeholder ?? 'MATCH' };
    }
    case 'pii':
      return {
        ...base,
        kind: written.kind,
        action: written.action,
        entities: written.entities,
        restore: written.restore,
      };
    case 'size': {
      const { kind, action, max_characters = null, max_messages = null, max_tokens = null } = written;
      if (max_characters === null && max_messages === null && max_tokens === null)
        report(at('kind'), 'a guard of sizes needs max_characters, max_messages or max_tokens');
      if (base.on.includes('output') && (max_messages !== null || max_tokens !== null))
        report(at('on'), 'answers are capped by max_characters alone; for tokens see `max_output` of models');
      return { ...base, kind, action, max_characters, max_messages, max_tokens };
    }
    case 'webhook': {
      const { kind, action, timeout, on_failure, allow_private } = written;
      const url = secret(at('url'), written.url);
      const problem = urlProblem(url, allow_private ? 'private' : 'public');
      if (problem) report(at('url'), `${problem}${/allowed/.test(problem) ? '; see `allow_private`' : ''}`);
      const signs = written.secret === undefined ? null : secret(at('secret'), written.secret);
      if (signs !== null && !isSigningSecret(signs)) report(at('secret'), SIGNING_SECRET);
      return { ...base, kind, action, timeout, on_failure, allow_private, url, secret: signs };
    }
    case 'moderation': {
      const { kind, action, timeout, on_failure, model, policy = POLICY } = written;
      return { ...base, kind, action, timeout, on_failure, model, policy };
    }
  }
}
