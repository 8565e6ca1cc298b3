/** openai 7 and ai 7, which need Node 22: the same scenarios in a child process, one test for each. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { aiScenarios } from '../clients/ai-scenarios.js';
import { openaiScenarios } from '../clients/openai-scenarios.js';
import { newerClients, noNewerClients } from '../support/newer-clients.js';
import { startSdkGateway } from '../support/sdk-gateway.js';

const names = [
  ...openaiScenarios.map(({ name }) => `openai: ${name}`),
  ...aiScenarios.map(({ name }) => `ai: ${name}`),
];

describe('on Node 22', { skip: noNewerClients ?? false }, () => {
  let results = new Map<string, string | null>();
  before(async () => {
    results = await runAll();
  });
  for (const name of names) {
    it(name, () => {
      assert.ok(results.has(name), 'the child process did not come to it');
      assert.equal(results.get(name), null);
    });
  }
});

async function runAll(): Promise<Map<string, string | null>> {
  const { node, root } = await newerClients();
  const sdk = await startSdkGateway();
  try {
    const program = join(import.meta.dirname, '../clients/run-newer.js');
    const args = [program, root, JSON.stringify(await sdk.context())];
    const { stdout } = await promisify(execFile)(node, args, { timeout: 120_000 });
    const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
    return new Map(
      lines
        .map((line) => JSON.parse(line) as { name: string; error: string | null })
        .map(({ name, error }) => [name, error]),
    );
  } finally {
    await sdk.close();
  }
}
