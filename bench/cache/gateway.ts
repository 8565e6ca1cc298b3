/**
 * What the cache adds to a request through a real gateway: one client, one request after another, the sandbox upstream; and how
 * long the gateway's event loop was held at most, in processor time, which other work on the machine does not lengthen.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway } from '../../test/support/gateway.js';
import { watching } from '../../test/support/held-loop.js';

const price = { input: 0.15, output: 0.6 };
const target = { targets: [{ provider: 'sandbox', model: 'sandbox' }], price };
const PROMPT =
  'what should I do when my card payment was declined at a shop near my house and nobody in the support chat can tell me why it happened';

/** A word of small letters for each number. */
const wordOf = (i: number): string =>
  [...String(i)].map((digit) => 'bdfgklmnprs'['-0123456789'.indexOf(digit)]).join('o');

export async function throughGateway(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const watched = join(dir, 'held.json');
  const gateway = await startGateway({
    env: watching(watched),
    config: {
      telemetry: { log: { level: 'silent' } },
      providers: { sandbox: { type: 'sandbox' } },
      models: {
        plain: target,
        exact: { ...target, cache: { exact: true } },
        semantic: { ...target, cache: { semantic: true } },
      },
    },
  });
  try {
    const { key } = await gateway.key();
    const ask = async (model: string, prompt: string): Promise<string | null> => {
      const response = await gateway.chat(key, { model, messages: [{ role: 'user', content: prompt }] });
      await response.arrayBuffer();
      return response.headers.get('x-tollgate-cache');
    };
    console.log(
      '\nthrough a gateway, one request after another | p10 ms | p50 ms | p99 ms | loop held at most | answered',
    );
    /** The last one: milliseconds between two requests, in which the answer of the one before is learned. */
    const rows: [string, number, (i: number) => Promise<string | null>, number?][] = [
      ['no cache', 1_000, () => ask('plain', PROMPT)],
      ['exact, a hit', 1_000, () => ask('exact', PROMPT)],
      ['exact, a miss (Postgres asked)', 500, (i) => ask('exact', `${PROMPT} ${i}`)],
      [
        'semantic, a miss of about 32 tokens: a number that no other has',
        300,
        (i) => ask('semantic', `${PROMPT} ${i}`),
      ],
      [
        'semantic, such a miss by a word that might be another',
        300,
        (i) => ask('semantic', `${PROMPT} in ${wordOf(i)}`),
      ],
      ['no cache, with pauses', 300, () => ask('plain', PROMPT), 50],
      ['semantic, a number, while nothing is learned', 300, (i) => ask('semantic', `${PROMPT} ${i} again`), 50],
      ['semantic, a word, while nothing is learned', 300, (i) => ask('semantic', `${PROMPT} at ${wordOf(i)}`), 50],
    ];
    for (const [what, times, work, pauseMs] of rows) {
      for (let i = 0; i < 50; i++) await work(-i - 1);
      process.kill(gateway.pid, 'SIGUSR2'); // the maximum begins anew
      const took: number[] = [];
      const answered: Record<string, number> = {};
      for (let i = 0; i < times; i++) {
        if (pauseMs) await sleep(pauseMs);
        const begun = performance.now();
        const state = String(await work(i));
        took.push(performance.now() - begun);
        answered[state] = (answered[state] ?? 0) + 1;
      }
      took.sort((a, b) => a - b);
      const at = (share: number): string => took[Math.floor(share * (times - 1))]!.toFixed(2);
      const { cpuMs } = JSON.parse(readFileSync(watched, 'utf8')) as { cpuMs: number };
      console.log(
        `${what} | ${at(0.1)} | ${at(0.5)} | ${at(0.99)} | ${cpuMs.toFixed(1)} | ${JSON.stringify(answered)}`,
      );
    }
  } finally {
    await gateway.close();
    rmSync(dir, { recursive: true });
  }
}
