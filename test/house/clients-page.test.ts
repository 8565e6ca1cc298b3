/** docs/clients.md: every block is well-formed, and every address in it is one that the gateway has. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { packageRoot } from '../../src/lib/root.js';

const page = readFileSync(join(packageRoot, 'docs/clients.md'), 'utf8');
const blocks = [...page.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language, text]) => ({
  language: language!,
  text: text!,
}));

const named = [
  ...[
    'Claude Code',
    'Codex',
    'Cursor',
    'Cline',
    'Roo Code',
    'Continue',
    'aider',
    'opencode',
    'Open WebUI',
    'LibreChat',
  ],
  ...['n8n', 'Dify', 'LlamaIndex', 'LangChain', 'Gemini CLI', 'Vercel', "OpenAI's SDKs", "Google's SDKs"],
];

const isRun = (command: string, args: readonly string[], input: string): void => {
  const { status, stderr } = spawnSync(command, args, { input, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
};

/** What each language's own reader says; a line of TOML names a table or sets a key. */
const checks: Readonly<Record<string, (text: string) => void>> = {
  json: (text) => void JSON.parse(text),
  yaml: (text) => assert.equal(typeof parse(text), 'object'),
  toml: (text) => {
    for (const line of text.split('\n').filter((one) => one !== ''))
      assert.match(line, /^(\[[\w.]+\]|\w+ = ("[^"]*"|true|false|\d+))$/);
  },
  sh: (text) => isRun('sh', ['-n'], text),
  js: (text) => isRun(process.execPath, ['--input-type=module', '--check', '-'], text),
  ts: (text) => isRun(process.execPath, ['--input-type=module', '--check', '-'], text),
  py: (text) => assert.equal(text.split('(').length, text.split(')').length),
};

test('every block is well-formed', () => {
  assert.ok(blocks.length >= 10);
  for (const { language, text } of blocks) {
    assert.ok(checks[language], language);
    checks[language](text);
  }
});

test('every address is one that clients can begin with', () => {
  const addresses = [...page.matchAll(/http:\/\/(?:127\.0\.0\.1|host\.docker\.internal):4000([\w/.-]*)/g)];
  assert.ok(addresses.length > 10);
  for (const [whole, path] of addresses)
    assert.ok(['', '/v1', '/v1beta', '/openai'].includes(path!.replace(/\.$/, '')), whole);
});

test('every client that people ask for has its chapter', () => {
  const chapters = [...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title).join('\n');
  for (const name of named) assert.ok(chapters.includes(name), name);
});
