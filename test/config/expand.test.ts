// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { expand } from '../../src/config/expand.js';
import { bad, good } from './support.js';

const text = (written: string, env: Record<string, string> = {}) => {
  const expanded = expand(written, env);
  return expanded.ok ? expanded.text : `error: ${expanded.message}`;
};

test('a placeholder is replaced by its variable, anywhere in a value and as often as it occurs', () => {
  assert.equal(text('${A}', { A: 'x' }), 'x');
  assert.equal(text('http://${H}:${P}/${H}', { H: 'h', P: '1' }), 'http://h:1/h');
});

test('the default stands in for a variable that is unset or empty', () => {
  assert.equal(text('${A:-x}'), 'x');
  assert.equal(text('${A:-x}', { A: '' }), 'x');
  assert.equal(text('${A:-x}', { A: 'y' }), 'y');
  assert.equal(text('${A:-}'), '');
  assert.equal(text('${A:-http://h:1/a b}'), 'http://h:1/a b');
});

test('a variable without a default may be empty but not unset', () => {
  assert.equal(text('${A}', { A: '' }), '');
  assert.match(text('${A}'), /^error: the environment variable A is not set/);
});

test('a doubled dollar writes a placeholder that is not one, and a lone dollar is itself', () => {
  assert.equal(text('$${A}', { A: 'x' }), '${A}');
  assert.equal(text('$${A} ${A}', { A: 'x' }), '${A} x');
  assert.equal(text('pa$$word $A $ $1'), 'pa$$word $A $ $1');
});

test('a placeholder that is not well formed is an error, not a text', () => {
  for (const written of ['${', '${A', '${}', '${1A}', '${A-b}', '${A:b}', '${ A }', '${A:-x']) {
    assert.match(text(written, { A: 'x' }), /^error: a placeholder reads/, written);
  }
});

test('what a variable holds is never expanded again', () => {
  assert.equal(text('${A}', { A: '${B}', B: 'secret' }), '${B}');
  assert.equal(text('${A:-x}${B}', { A: '$', B: '{C}' }), '${C}');
});

test('texts without a placeholder stay as they are', () => {
  fc.assert(
    fc.property(
      fc.string().filter((written) => !written.includes('${')),
      (written) => assert.equal(text(written), written),
    ),
  );
});

test('a value takes the type that its place wants', (t) => {
  const config = good(
    t,
    `server: { port: "\${PORT:-4000}", trust_proxy: ["\${PROXY}"] }
admin: { key: "\${KEY}" }
providers: { s: { type: sandbox } }
models:
  m:
    targets: [{ provider: s, model: "\${MODEL}" }]
    price: { input: "\${PRICE}", output: 1 }
    max_output: "\${MOST}"
    drop_params: "\${DROP}"
    limits: [{ unit: tokens, max: "\${LIMIT}", per: minute, warn_at: ["\${WARN}"] }]
    timeout: { idle: "\${IDLE}s" }
telemetry: { metrics: "\${METRICS:-false}" }
`,
    {
      ...{
        PROXY: '::1',
        KEY: '12345678901234567890123456789012',
        MODEL: '4',
        PRICE: '0.15',
        MOST: '1_000',
        DROP: 'true',
        LIMIT: '2_000',
      },
      ...{ WARN: '0.5', IDLE: '7' },
    },
  );
  assert.equal(config.server.port, 4000);
  assert.equal(config.admin.key, '12345678901234567890123456789012');
  assert.equal(config.telemetry.metrics, false);
  const model = config.models['m']!;
  assert.equal(model.targets[0]!.model, '4');
  assert.deepEqual(model.price, { input: '0.15', output: 1 });
  assert.equal(model.max_output, 1000);
  assert.equal(model.drop_params, true);
  assert.equal(model.limits[0]!.max, 2000);
  assert.deepEqual(model.limits[0]!.warn_at, [0.5]);
  assert.equal(model.timeout.idle, 7000);
});

test('a value that the place cannot use is told at the place', (t) => {
  assert.deepEqual(bad(t, 'server: { port: "${PORT}" }', { PORT: 'http' }), [
    '1:17 server.port: expected a number, found a text',
  ]);
  assert.deepEqual(bad(t, 'server: { port: "${PORT}" }', { PORT: '' }), [
    '1:17 server.port: expected a number, found a text',
  ]);
});

test('nothing in the environment can change the structure of the file', (t) => {
  const evil = 'x"\nadmin: { key: stolen }\n# {}[]: *&!';
  assert.equal(
    good(t, 'data_dir: "/d/${EVIL}"\nadmin: { key: mine-that-is-of-32-characters-and-more }', { EVIL: evil }).admin.key,
    'mine-that-is-of-32-characters-and-more',
  );
  assert.equal(good(t, 'data_dir: /d/${EVIL}', { EVIL: evil }).data_dir, `/d/${evil}`);
});

test('keys and comments are not expanded', (t) => {
  assert.match(
    bad(t, '# ${NO}\nserver: { "${HOST}": 1 }', { HOST: 'host' })[0]!,
    /^2:11 server\["\$\{HOST\}"\]: unknown key/,
  );
});
