/**
 * From what a model reads to the texts that are counted. What is not text (the frames of messages and calls, pictures, sound,
 * documents) goes straight into the tally, as the model's family bills it. Yields at least once per piece, so that whoever
 * counts can pause anywhere.
 */
import { toolRuleFor } from '../formats/openai-chat/models.js';
import type { Countable, Frame } from '../formats/request-facts.js';
import { jsonText } from '../lib/json-text.js';
import { audioTokens, documentTokens, imageTokens, type MediaModel } from './media.js';
import { toolsPrompt, toolText } from './tool-text.js';

export interface Tally {
  /** Tokens that the rule's factor applies to. */
  tokens: number;
  /** Tokens that it does not: they are not made of text. */
  flat: number;
}

/** Tokens of each frame. Those of tools and of texts that are embedded depend on the family. */
const frames: Readonly<Record<Exclude<Frame['of'], 'tools' | 'embedded'>, number>> = {
  answer: 3,
  message: 3,
  name: 1,
  call: 8,
  tool_choice: 4,
  response_format: 12,
};

/** Tokens that embedding models put around each text, but for those whose own encoding is counted. */
const EMBEDDED_TOKENS = 2;

export function* countableText(
  countables: Iterable<Countable>,
  model: MediaModel,
  tally: Tally,
): Generator<string, void> {
  const rule = model.exact ? toolRuleFor(model.name) : null;
  for (const item of countables) {
    if (typeof item === 'string') {
      yield item;
      continue;
    }
    switch (item.kind) {
      case 'frame':
        if (item.of === 'tools') toolsPrompt(rule, tally);
        else if (item.of === 'embedded') tally.flat += model.exact ? 0 : EMBEDDED_TOKENS;
        else tally.tokens += frames[item.of];
        break;
      case 'id':
        // OpenAI's models do not see the ids of calls; others may.
        if (!model.exact) yield item.text;
        break;
      case 'json':
        yield* jsonText(item.value, item.without);
        yield '';
        break;
      case 'image':
        tally.flat += imageTokens(item.url, item.detail, model);
        yield '';
        break;
      case 'audio':
        tally.flat += audioTokens(item.data, model);
        yield '';
        break;
      case 'document':
        tally.flat += documentTokens(item.data);
        yield '';
        break;
      case 'tool':
        yield* toolText(item.declaration, item.written, rule, tally);
        break;
      case 'tokens':
        tally.flat += item.count;
        yield '';
        break;
    }
  }
}
