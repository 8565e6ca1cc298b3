/** How answers are cached, as written. Defaults are those that `npm run bench:cache` was measured with. */
import { z } from 'zod';
import { semanticLanguages } from '../cache/cache.js';
import * as s from './scalars.js';

const similarity = z.number().min(0.5, 'a similarity is between 0.5 and 1').max(1, 'a similarity is between 0.5 and 1');

const semantic = z
  .strictObject({
    threshold: similarity
      .optional()
      .describe(
        'Least cosine similarity of two prompts that share an answer. Default 0.85 with the local model, else 0.95.',
      ),
    margin: z
      .number()
      .min(0)
      .max(0.5)
      .optional()
      .describe('How much closer the best candidate must be than the best one with another answer.'),
    guards: z
      .enum(['standard', 'strict', 'off'])
      .optional()
      .describe(
        'How two prompts are compared word by word. standard: synonyms count as the same; strict: only the same words do; off: not at all, which any addition to a prompt can fool.',
      ),
    max_error_rate: z
      .number()
      .gt(0)
      .max(0.5)
      .optional()
      .describe('Verified mode: the share of hits that may be wrong. Hits are audited and the threshold moves.'),
    audit_rate: z
      .number()
      .gt(0)
      .max(1)
      .optional()
      .describe('Verified mode: the share of would-be hits that are answered upstream and compared. Default 0.05.'),
    until_certified: z
      .enum(['serve', 'miss'])
      .optional()
      .describe('Verified mode: serve at the threshold before the bound is shown, or miss until it is. Default serve.'),
    max_turns: z
      .number()
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe('Longest conversation, in messages of the user, whose last message is compared by meaning. Default 4.'),
    languages: z
      .array(z.enum(semanticLanguages))
      .min(1)
      .optional()
      .describe('Languages whose prompts are compared by meaning; those of others are not. Default en, de, fr and es.'),
  })
  .describe('Answers to prompts that mean the same.');

export const modelCache = z
  .union([
    z.literal(false),
    z.strictObject({
      exact: z.boolean().optional().describe('Answer the very same request again. Default true.'),
      semantic: z
        .union([z.boolean(), semantic])
        .optional()
        .describe('Answer prompts that mean the same, too. Default false.'),
      ttl: s.duration(1).optional().describe('How long an answer is kept. A hit does not prolong it. Default 1h.'),
      share: z
        .enum(['user', 'key', 'team'])
        .optional()
        .describe('Who gets whose answers: one end user, one key, or all keys of a team. Default key.'),
    }),
  ])
  .describe('Whether answers are kept and given again. Default: not.');

export const cacheSection = z
  .strictObject({
    memory: s
      .size(2 ** 34)
      .prefault('64mb')
      .describe('Most memory for answers, in front of the store.'),
    secret: s.secret
      .default('')
      .describe('Hashes and encrypts what is kept. Empty: made once and kept in the database.'),
    index: z
      .enum(['memory', 'pgvector'])
      .default('memory')
      .describe(
        'Where prompts are compared by meaning: in this process, or in the Postgres of `database.url` by its extension `vector`.',
      ),
    embedding: z
      .discriminatedUnion('type', [
        z.strictObject({
          type: z.literal('local').describe('The model that comes with the gateway, or one from a folder.'),
          model: z.enum(['all-MiniLM-L6-v2']).default('all-MiniLM-L6-v2'),
          folder: z
            .string()
            .min(1)
            .max(4096)
            .optional()
            .describe('The folder of a sentence-embedding model in ONNX form, with its tokenizer.json.'),
          pooling: z
            .enum(['mean', 'cls'])
            .optional()
            .describe('How its vectors of pieces become one of the text, as its model card says. Default mean.'),
          prefix: z
            .string()
            .max(200)
            .optional()
            .describe(
              'What stands before each prompt, where the model was trained so, e.g. "query: ". Default: nothing.',
            ),
        }),
        z.strictObject({
          type: z.literal('provider').describe("An embedding model behind a provider's API."),
          model: s.upstreamModel.describe('A name under `models`; with `provider`, the name at that provider.'),
          provider: z.string().optional().describe('A name under `providers`.'),
          dimensions: z
            .number()
            .int()
            .min(1)
            .max(4096)
            .optional()
            .describe("The vectors' length, where the model can be asked for one. Left out: its own."),
          timeout: s
            .duration(1)
            .prefault('1s')
            .describe('How long a request waits for its embedding; after that it is a miss.'),
        }),
      ])
      .prefault({ type: 'local' })
      .describe('How prompts are compared by meaning.'),
  })
  .prefault({})
  .describe('The answer cache. It acts on models that say `cache`.');

export type WrittenModelCache = z.output<typeof modelCache>;
