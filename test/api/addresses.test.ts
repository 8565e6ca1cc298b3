/** The table of own addresses, and what is looked up in it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { deploymentAt, dialectAt, isLacking, isOwnPath, meantTarget, methodsAt } from '../../src/api/addresses.js';
import { lacking, namespaces } from '../../src/api/namespaces.js';
import { dataRows, rows } from '../../src/api/table.js';
import { endpointNames } from '../../src/lib/endpoints.js';

/** A path as it may be asked for: `{id}` filled in. */
const filled = (path: string): string => path.replace('{+id}', 'openai/gpt-4o').replace(/\{\w+\}/g, 'x');
const bare = (path: string): string => path.slice('/v1'.length);
const ownPaths = [...rows, ...namespaces, ...lacking].map(({ path }) => filled(path));
const dataPaths = [...dataRows, ...lacking].map(({ path }) => filled(path)).filter((path) => path.startsWith('/v1/'));

describe('the table', () => {
  test('names each operation and each address once', () => {
    assert.equal(new Set(rows.map(({ operationId }) => operationId)).size, rows.length);
    assert.equal(new Set(rows.map(({ method, path }) => `${method} ${path}`)).size, rows.length);
  });

  test('says something of each in a sentence', () => {
    for (const { operationId, summary } of rows) assert.match(summary, /^[A-Z].{5,}\.$/, operationId);
  });

  test('is open to anybody only where nothing is told: health, metrics, its own description, signing in, and the pages that ask for it', () => {
    const open = rows.filter(({ access }) => access === 'public').map(({ operationId }) => operationId);
    assert.deepEqual(open, [
      'getHealth',
      'getReadiness',
      'getMetrics',
      'getConsole',
      'getConsoleFile',
      'getReference',
      'getReferenceFile',
      'getOpenApi',
      'getSession',
      'createSession',
      'beginOidc',
      'endOidc',
    ]);
    for (const { path, access } of rows) {
      if (path.startsWith('/v1/')) assert.equal(access, 'key', path);
      else if (path.startsWith('/admin/') && access !== 'admin')
        assert.match(path, /^\/admin\/v1\/(?:openapi\.json|session(?:\/oidc(?:\/\w+)?)?)$/);
    }
  });

  test('has an address for each endpoint that keys can be limited to', () => {
    const paths = [...rows, ...lacking].map(({ path }) => path);
    const named: Partial<Record<string, string>> = { chat: '/v1/chat/completions', passthrough: '/passthrough' };
    for (const name of endpointNames) {
      if (name === 'routes') continue;
      const path = named[name] ?? `/v1/${name}`;
      assert.ok(
        paths.some((one) => one === path || one.startsWith(`${path}/`)),
        name,
      );
    }
  });
});

describe('an own path', () => {
  const spellings: Readonly<Record<string, (path: string) => string>> = {
    'as it is': (path) => path,
    'with a query': (path) => `${path}?a=/b`,
    'with a fragment': (path) => `${path}#b`,
    'with a slash at its end': (path) => `${path}/`,
    'with something below it': (path) => `${path}/more`,
    'with doubled slashes': (path) => path.replaceAll('/', '//'),
    'with many slashes': (path) => path.replaceAll('/', '////'),
    'with backslashes': (path) => `/${path.slice(1).replaceAll('/', '\\')}`,
    'in capitals': (path) => path.toUpperCase(),
    'with one capital': (path) => path.replace(/[a-z]/, (letter) => letter.toUpperCase()),
    'with an escaped letter': (path) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    'with its last letter escaped': (path) => path.replace(/.$/, (one) => `%${one.charCodeAt(0).toString(16)}`),
    'all escaped': (path) => path.replace(/[^/]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`),
    'with escaped slashes': (path) => `/${path.slice(1).replaceAll('/', '%2F')}`,
    'with an escaped capital': (path) =>
      path.replace(/[a-z]/, (letter) => `%${letter.toUpperCase().charCodeAt(0).toString(16)}`),
    'with a parameter of a segment': (path) => path.replaceAll(/(\w)(\/|$)/g, '$1;v=1$2'),
    'behind dots': (path) => `/.${path}`,
    'behind escaped dots': (path) => `/%2e%2E${path}`,
    'as a whole URL': (path) => `http://gateway.example.com:4000${path}`,
  };

  for (const [name, spelled] of Object.entries(spellings)) {
    test(`is one ${name}`, () => {
      for (const path of ownPaths) assert.ok(isOwnPath(spelled(path)), spelled(path));
    });
    test(`is one ${name} and without its /v1, or with two`, () => {
      for (const path of dataPaths) {
        assert.ok(isOwnPath(spelled(bare(path))), spelled(bare(path)));
        assert.ok(isOwnPath(spelled(`/v1${path}`)), spelled(`/v1${path}`));
      }
    });
  }

  test('is none that only looks like one', () => {
    const others = [
      ...['', '*', '/', '//', '/?/v1', '/#/v1', '/orders', '/orders/v1/models', '/v1x', '/v2/models', '/v1-beta/x'],
      ...['/api/v1/chat/completions', '/chats', '/modelsx', '/model', '/healthzz', '/images', '/images/logo.png'],
      ...['/audio/song.mp3', '/images/generationsx', '/administration', '/x?/v1/models', '/x;/v1', '/uix', '/docsy'],
      ...[
        '/favicon.ico',
        '/.well-known/x',
        '/~me/v1',
        '/%zz',
        '/%',
        '/V2/x',
        '/dashboard',
        'http://v1/x',
        '/:id',
        '/*',
      ],
    ];
    for (const path of others) assert.ok(!isOwnPath(path), path);
  });

  test('is one for a route’s pattern too, where all that it stands for is the gateway’s', () => {
    for (const pattern of ['/v1/*', '/v1/:x', '/models/*', '/chat/*', '/files/:id', '/admin/*'])
      assert.ok(isOwnPath(pattern), pattern);
    for (const pattern of ['/*', '/:any', '/:any/*', '/images/*', '/audio/:name'])
      assert.ok(!isOwnPath(pattern), pattern);
  });
});

describe('a nearly right target leads where it was meant to', () => {
  const lead = (target: string, to: string) => assert.equal(meantTarget(target), to, target);

  test('each address of the table stays what it is, also with a query', () => {
    for (const { path } of rows) {
      lead(filled(path), filled(path));
      lead(`${filled(path)}?a=1/&b=//`, `${filled(path)}?a=1/&b=//`);
    }
  });

  test('a trailing slash, doubled slashes and needless escapes are taken away, and the query is kept', () => {
    for (const { path } of rows) {
      const right = filled(path);
      lead(`${right}/`, right);
      lead(`${right}//?q=//`, `${right}?q=//`);
      lead(`/${right}`, right);
      lead(right.replaceAll('/', '//'), right);
      lead(
        right.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
        right,
      );
    }
  });

  test('a missing /v1 is put in front of data-plane paths, and all but one are taken away', () => {
    for (const { path } of dataRows.filter((row) => row.path.startsWith('/v1/'))) {
      const right = filled(path);
      lead(bare(right), right);
      lead(`/${bare(right)}/?a=b`, `${right}?a=b`);
      lead(`/v1${right}`, right);
      lead(`/v1/v1${right}/`, right);
      lead(`//v1//v1/${right}`, right);
    }
  });

  test('clients for Azure are led to deployments, and by OpenAI’s paths below /openai', () => {
    const deployments = rows.filter(({ path }) => path.startsWith('/openai/deployments/'));
    assert.equal(deployments.length, 3);
    for (const { path } of deployments) {
      const right = filled(path);
      for (const begun of ['/v1', '/openai', '/openai/v1', '/v1/openai/v1', '/'])
        lead(`${begun}${right}/?api-version=2024-10-21`, `${right}?api-version=2024-10-21`);
      lead(right.replace('/openai', '/openai/v1'), right);
      lead(path.replace('{model}', 'team/large'), path.replace('{model}', 'team%2Flarge'));
      lead(path.replace('{model}', 'a%2Fb/c'), path.replace('{model}', 'a%2Fb%2Fc'));
      lead(path.replace('{model}', 'my%20model'), path.replace('{model}', 'my%20model'));
      assert.equal(deploymentAt(`/openai/v1/${path.replace('{model}', 'a%2Fb%20c/d')}?api-version=1`), 'a/b c/d');
    }
    for (const { path } of dataRows.filter((row) => row.path.startsWith('/v1/'))) {
      const right = filled(path);
      for (const begun of ['/openai', '/openai/v1', '/v1/openai', '//openai//v1', '/openai/openai', '/openai/v1/v1'])
        lead(`${begun}${bare(right)}/?api-version=v1`, `${right}?api-version=v1`);
      assert.equal(deploymentAt(right), undefined);
    }
    for (const path of [
      '/openai',
      '/openai/v1',
      '/openai/deployments',
      '/openai/deployments/x',
      '/openai/v1beta/models',
    ])
      lead(path, path);
    assert.deepEqual(methodsAt(meantTarget('/openai/deployments/x/nothing')), []);
    assert.equal(deploymentAt('/openai/deployments/chat/completions'), 'chat');
    for (const [name, model] of [
      ['gpt-4o_1.x', 'gpt-4o_1.x'],
      ['completions', 'completions'],
      ['..', '..'],
      ['team%2Flarge', 'team/large'],
      ['n'.repeat(300), 'n'.repeat(300)],
    ] as const)
      for (const { path } of deployments) {
        const target = path.replace('{model}', name);
        lead(target, target);
        assert.equal(deploymentAt(`${target}?api-version=1`), model);
        assert.equal(deploymentAt(`/${target}/?api-version=1`), model, 'the short cut says what the long way says');
      }
    assert.equal(deploymentAt('/openai/deployments/gpt-4o/nothing'), undefined);
  });

  test('no other path gets or loses a /v1', () => {
    for (const path of [
      '/v1/healthz',
      '/v1/admin/v1/keys',
      '/admin/keys',
      '/keys',
      '/v1/v1',
      '/v1/nothing',
      '/readyzz',
    ])
      lead(path, path);
  });

  test('a model keeps its name, slashes, case and escapes', () => {
    lead('/models/openai/gpt-4o', '/v1/models/openai/gpt-4o');
    lead('/v1/models/Org%2FName/', '/v1/models/Org%2FName');
    lead('/v1/models/a%20b%3Fc//d', '/v1/models/a%20b%3Fc/d');
    lead('/v1/models/v1/x', '/v1/models/v1/x');
    lead('/admin/v1/targets/openai%2Fgpt/open/', '/admin/v1/targets/openai%2Fgpt/open');
  });

  test('what is none of ours comes back as it came', () => {
    for (const target of ['/', '//', '', '*', '/nothing//', '/%zz/', '/..//x', '/V1/models/', '/nothing/?q'])
      lead(target, target);
  });

  test('whatever the target, it leads somewhere, and from there nowhere else', () => {
    const piece = fc.constantFrom(
      '/',
      '/',
      'v1',
      'models',
      'chat',
      'completions',
      'openai',
      'deployments',
      '%',
      '%2F',
      '%76',
      '?',
      '#',
      '.',
      'x',
      '\\',
      ';',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const target = `/${pieces.join('')}`;
        const meant = meantTarget(target);
        assert.equal(meantTarget(meant), meant);
        // What leads to an address of ours is never left to a catch-all route.
        if (methodsAt(meant).length > 0) assert.ok(isOwnPath(target), target);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a long target costs little: no more than a few milliseconds for 16 kB', () => {
    for (const piece of [
      '/',
      '/v1',
      '/a',
      '%2f',
      '%76',
      '/..',
      '/;',
      '/v1/models',
      '//v1',
      '%',
      '/openai',
      '/openai/deployments',
    ]) {
      const target = `/v1${piece.repeat(16_000 / piece.length)}`;
      let tookMs = Number.POSITIVE_INFINITY; // the quickest of some: what it costs, whatever else the machine does
      for (let i = 0; i < 20; i++) {
        const startedAt = performance.now();
        meantTarget(target);
        isOwnPath(target);
        methodsAt(target);
        dialectAt(target);
        tookMs = Math.min(tookMs, performance.now() - startedAt);
      }
      assert.ok(tookMs < 20, `${piece}: ${tookMs} ms`);
    }
  });
});

describe('what stands at a path', () => {
  test('its methods, with HEAD beside GET', () => {
    assert.deepEqual(methodsAt('/v1/chat/completions?x'), ['POST']);
    assert.deepEqual(methodsAt('/v1/models/a/b'), ['GET', 'HEAD']);
    assert.deepEqual(methodsAt('/admin/v1/keys'), ['GET', 'HEAD', 'POST']);
    assert.deepEqual(methodsAt('/admin/v1/keys/x'), ['DELETE', 'GET', 'HEAD', 'PATCH']);
    assert.deepEqual(methodsAt('/admin/v1/webhooks/deliveries'), ['DELETE', 'GET', 'HEAD', 'PATCH']);
    for (const path of [
      '/',
      '/v1',
      '/v1/models/',
      '/v1/keys',
      '/admin/v1/keys/',
      '/admin/v1/keys//rotate',
      '/v1/files',
    ])
      assert.deepEqual(methodsAt(path), [], path);
  });

  test('the dialect of its errors', () => {
    const dialects = {
      'openai-chat': [
        '/v1/chat/completions',
        '/v1',
        '/v1/nothing',
        '/models/x',
        '/chat/x',
        '/V1/x',
        '/openai/x',
        '/v1/files/x',
      ],
      'anthropic-messages': ['/v1/messages', '/messages/count_tokens', '/v1/messages/batches'],
      'google-rpc': ['/v1beta/models/gemini:generateContent'],
      problem: ['/', '/healthz', '/admin/v1/keys', '/nothing', '/v1x', '/ui', '*'],
    };
    for (const [dialect, paths] of Object.entries(dialects))
      for (const path of paths) assert.equal(dialectAt(path), dialect, path);
  });

  test('whether this version lacks what is meant', () => {
    for (const { path } of lacking) {
      assert.ok(isLacking(path), path);
      assert.ok(isLacking(`${path}/x?y`), path);
      if (path.startsWith('/v1/')) assert.ok(isLacking(bare(path)), path);
    }
    for (const { path } of [...rows, ...namespaces]) assert.ok(!isLacking(filled(path)), path);
    assert.ok(!isLacking('/nothing'));
  });
});
