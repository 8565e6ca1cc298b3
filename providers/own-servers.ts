import { ownServer } from './openai-like.js';

/** Servers of one's own: a model that is loaded first may be minutes late. */
export const ownServers = [
  ownServer('ollama', 'http://127.0.0.1:11434/v1'),
  ownServer('vllm', 'http://127.0.0.1:8000/v1'),
  ownServer('lmstudio', 'http://127.0.0.1:1234/v1'),
  ownServer('llamacpp', 'http://127.0.0.1:8080/v1'),
  ownServer('sglang', 'http://127.0.0.1:30000/v1'),
];
