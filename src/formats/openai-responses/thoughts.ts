/** Models of OpenAI that think, by their names: what they thought can be asked for, encrypted, so that it comes back with the next turn. */
const names = /(?:^|[/:])(?:o[1-9](?!\d)|gpt-[5-9]|codex|gpt-oss)/;
const chatty = /chat-latest/;

export const ENCRYPTED_REASONING = 'reasoning.encrypted_content';

export const thinks = (model: string): boolean => {
  const name = model.slice(0, 200);
  return names.test(name) && !chatty.test(name);
};
