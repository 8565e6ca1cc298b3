/** Google's JSON may be written in either of two spellings (`systemInstruction`, `system_instruction`); both mean the same. */
import { isObject, type Json } from '../../lib/json.js';

const snakes = new Map<string, string>();

/** `systemInstruction` -> `system_instruction`. */
export function snakeOf(name: string): string {
  let snake = snakes.get(name);
  if (snake === undefined) {
    snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    snakes.set(name, snake);
  }
  return snake;
}

/** `system_instruction` -> `systemInstruction`; other names as they are. */
export const camelOf = (name: string): string =>
  name.includes('_') ? name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) : name;

/** A field by its name, in whichever spelling it came. `name`: as in `systemInstruction`. */
export const field = (object: Json, name: string): unknown => object[name] ?? object[snakeOf(name)];

export function objectIn(object: Json, name: string): Json | undefined {
  const value = field(object, name);
  return isObject(value) ? value : undefined;
}

export function listIn(object: Json, name: string): readonly unknown[] {
  const value = field(object, name);
  return Array.isArray(value) ? value : [];
}

/** The parts of a content, which may be a text. */
export function partsIn(content: unknown): readonly Json[] {
  if (typeof content === 'string') return [{ text: content }];
  return isObject(content) ? listIn(content, 'parts').filter(isObject) : [];
}
