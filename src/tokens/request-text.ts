/**
 * Walks an OpenAI chat request and yields every text that its model reads, in order; tokens that are not text (the frames
 * of messages and calls, pictures, sound, documents) go straight into the tally. Nothing of the request is trusted: what
 * has an unexpected shape is counted as the JSON that it is. Yields at least once per message and part, so that whoever
 * counts can pause anywhere.
 */

import { toolRuleFor } from '../formats/openai-chat/models.js';
import { isObject } from '../lib/json.js';
import { jsonText } from './json-text.js';
import { audioTokens, fileTokens, imageTokens, type MediaModel } from './media.js';
import { toolText } from './tool-text.js';

export interface Tally {
  /** Tokens that the rule's factor applies to. */
  tokens: number;
  /** Tokens that it does not: they are not made of text. */
  flat: number;
}

const MESSAGE_TOKENS = 3;
const NAME_TOKENS = 1;
/** The frame of the answer that the model is to begin. */
const ANSWER_TOKENS = 3;
const TOOL_CALL_TOKENS = 8;
const TOOL_CHOICE_TOKENS = 4;
const RESPONSE_FORMAT_TOKENS = 12;

export function* requestText(request: unknown, model: MediaModel, tally: Tally): Generator<string, void> {
  tally.tokens += ANSWER_TOKENS;
  if (!isObject(request)) return yield* jsonText(request ?? '');
  const { messages, tools, functions, tool_choice: choice, response_format: format } = request;
  if (Array.isArray(messages)) for (const message of messages) yield* messageText(message, model, tally);
  const rule = model.exact ? toolRuleFor(model.name) : null;
  if (Array.isArray(tools)) yield* toolText(tools, rule, tally);
  if (Array.isArray(functions)) yield* toolText(functions, rule, tally);
  if (isObject(choice)) {
    tally.tokens += TOOL_CHOICE_TOKENS;
    if (isObject(choice['function'])) yield asText(choice['function']['name']);
  }
  if (isObject(format) && isObject(format['json_schema'])) {
    tally.tokens += RESPONSE_FORMAT_TOKENS;
    yield* jsonText(format['json_schema'], ['strict']);
  }
}

function* messageText(message: unknown, model: MediaModel, tally: Tally): Generator<string, void> {
  tally.tokens += MESSAGE_TOKENS;
  if (!isObject(message)) return yield* jsonText(message);
  yield asText(message['role']);
  for (const key in message) {
    const value = message[key];
    if (key === 'content') {
      if (typeof value === 'string') yield value;
      else yield* contentText(value, model, tally);
    } else if (key === 'name') {
      tally.tokens += NAME_TOKENS;
      yield asText(value);
    } else if (key === 'tool_calls' && Array.isArray(value)) {
      for (const call of value) yield* callText(call, model, tally);
    } else if (key === 'function_call') {
      yield* callText({ function: value }, model, tally);
    } else if (key === 'tool_call_id') {
      if (!model.exact) yield asText(value);
    } else if (key !== 'role' && !isEmpty(value)) {
      yield* jsonText(value);
    }
  }
}

function* contentText(content: unknown, model: MediaModel, tally: Tally): Generator<string, void> {
  if (!Array.isArray(content)) {
    if (!isEmpty(content)) yield* jsonText(content);
    return;
  }
  for (const part of content) {
    const { type, text, refusal, image_url: image, input_audio: audio, file } = isObject(part) ? part : {};
    if (type === 'text' && typeof text === 'string') {
      yield text;
    } else if (type === 'refusal' && typeof refusal === 'string') {
      yield refusal;
    } else if (type === 'image_url') {
      const { url, detail } = isObject(image) ? image : { url: image };
      tally.flat += imageTokens(url, detail, model);
      yield '';
    } else if (type === 'input_audio' && isObject(audio)) {
      tally.flat += audioTokens(audio['data'], model);
      yield '';
    } else if (type === 'file' && isObject(file)) {
      tally.flat += fileTokens(file['file_data']);
      yield asText(file['filename']);
    } else {
      yield* jsonText(part);
      yield '';
    }
  }
}

/** OpenAI's models do not see the ids of calls; others may. */
function* callText(call: unknown, model: MediaModel, tally: Tally): Generator<string, void> {
  tally.tokens += TOOL_CALL_TOKENS;
  if (!isObject(call)) return yield* jsonText(call);
  if (!model.exact) yield asText(call['id']);
  const called = call['function'] ?? call['custom'] ?? call;
  if (!isObject(called)) return yield* jsonText(called);
  yield asText(called['name']);
  const input = called['arguments'] ?? called['input'];
  if (typeof input === 'string') yield input;
  else if (!isEmpty(input)) yield* jsonText(input);
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
