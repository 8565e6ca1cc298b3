/** An embedding process that stands still: what requests wait for it, and that it is replaced. A real gateway. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { startGateway } from '../support/gateway.js';
import { scrape } from '../support/metrics-text.js';
import { startUpstream } from '../support/upstream.js';

/** Processes that the gateway has started and whose command names `program`. */
function childrenOf(parent: number, program: string): number[] {
  const read = (pid: string, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && read(pid, 'status').includes(`\nPPid:\t${parent}\n`))
    .filter((pid) => read(pid, 'cmdline').includes(program))
    .map(Number);
}

interface Learning {
  readonly semantic: { readonly learning: number };
}

describe('an embedding process that stands still', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  it('costs nobody more than the first second, and is replaced', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway({
      config: {
        providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
        models: {
          cached: {
            targets: [{ provider: 'fake', model: 'm' }],
            price: { input: 0.1, output: 0.1 },
            cache: { semantic: true },
          },
        },
      },
    });
    try {
      const { key } = await gateway.key();
      let asked = 0;
      const ask = async (given?: string) => {
        // Words that another may stand for: they have to be embedded.
        const word = [...String(++asked)].map((digit) => 'bdfgklmnpr'[Number(digit)]).join('o');
        const content = given ?? `Which is the largest ${word}o of the country?`;
        const begun = performance.now();
        const response = await gateway.chat(key, { model: 'cached', messages: [{ role: 'user', content }] });
        await response.arrayBuffer();
        return { status: response.status, tookMs: performance.now() - begun };
      };
      await ask();
      const learning = async () => (await gateway.admin<Learning>('GET', '/cache')).semantic.learning;
      while ((await learning()) > 0);
      const before = childrenOf(gateway.pid, 'embed-worker');
      assert.equal(before.length, 1);
      process.kill(before[0]!, 'SIGSTOP');
      // What agrees with nothing that is kept is not embedded; once the outlines of what is kept were read.
      const busy = async () => (await scrape(gateway.url)).value('tollgate_cache_semantic_skipped_total') ?? 0;
      let waited = true;
      for (let i = 0; i < 20 && waited; i++) {
        const skipped = await busy();
        await ask(`Why does my red bicycle make noise number ${i}?`);
        waited = (await busy()) > skipped;
      }
      assert.equal(waited, false);
      const begun = performance.now();
      const later: number[] = [];
      while (childrenOf(gateway.pid, 'embed-worker').includes(before[0]!)) {
        const { status, tookMs } = await ask();
        assert.equal(status, 200);
        if (performance.now() - begun - tookMs > 1_500) later.push(tookMs);
        assert.ok(performance.now() - begun < 45_000, 'it is ended');
      }
      later.sort((a, b) => a - b);
      assert.ok(later.length > 10);
      assert.ok(
        later[Math.floor(later.length / 2)]! < 150,
        `half of them took no more than ${later[later.length >> 1]}`,
      );
      while (childrenOf(gateway.pid, 'embed-worker').length === 0) await ask();
      assert.notDeepEqual(childrenOf(gateway.pid, 'embed-worker'), before);
    } finally {
      await gateway.close();
      await upstream.stop();
    }
  });
});
