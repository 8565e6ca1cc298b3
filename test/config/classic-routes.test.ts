/** Routes in the configuration: the contract's example, what is wrong and where, secrets that stay hidden. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeConfig } from '../../src/config/describe.js';
import { explainConfig } from '../../src/config/explain.js';
import { bad, good } from './support.js';

const example = `routes:
  - name: orders
    match: { path: /api/orders/*, methods: [GET, POST], host: api.example.com }
    upstream:
      targets: [ { url: http://10.0.0.5:8080, weight: 2 }, { url: http://10.0.0.6:8080 } ]
      balance: round_robin
      health: { path: /healthz, interval: 5s }
      timeout: { connect: 1s, headers: 10s, idle: 60s, total: 60s }
      retry: { max_attempts: 2, on: [connect_error, 502, 503, 504] }
      tls: { verify: true }
    auth:
      jwt: { issuer: https://idp.example.com, audience: orders, jwks_url: https://idp.example.com/keys, algorithms: [RS256], claims_to_headers: {sub: x-user} }
    limits: [ { unit: requests, max: 100, per: minute, by: consumer } ]
    breaker: { failure_rate: 0.5, min_requests: 20, window: 10s, open: 30s, half_open_probes: 3 }
    request:  { headers: { set: {x-env: prod}, remove: [cookie] }, path: { strip_prefix: /api } }
    response: { headers: { set: {x-by: tollgate} } }
    cors: { origins: [https://app.example.com] }
    ip: { allow: [], deny: [] }
    body_limit: 1mb
    cache: { ttl: 30s, vary: [accept] }
  - name: product-page
    match: { path: /pages/product/:id, methods: [GET] }
    compose:
      - { url: "http://catalog/products/{id}", group: product, allow: [id, name, price] }
      - { url: "http://reviews/by-product/{id}", group: reviews, target: data, map: {items: list} }
      - { url: "http://users/{product.owner_id}", group: owner, after: [product], optional: true }
`;

test("the contract's example is read, with the engine's limits", (t) => {
  const { routes } = good(t, example);
  assert.deepEqual(
    routes.map(({ name }) => name),
    ['orders', 'product-page'],
  );
  assert.deepEqual(routes[0]!.limits[0], {
    spec: {
      unit: 'requests',
      max: 100,
      per: 'minute',
      model: null,
      warn_at: [],
      timezone: 'UTC',
      on_exhausted: 'reject',
    },
    by: 'consumer',
  });
  assert.equal(routes[0]!.upstream!.timeout!.headers, 10_000);
  assert.equal(routes[0]!.body_limit, 2 ** 20);
  assert.deepEqual(routes[1]!.auth, { key: {} }, 'a route that says nothing asks for a key');
});

test('what is wrong is told with its place and what was meant', (t) => {
  const route = (more: string) => `routes:\n  - name: a\n    match: { path: /a/:id }\n    ${more}\n`;
  const cases: [string, RegExp][] = [
    [route('upsteam: {}'), /^4:5 routes\[0\]\.upsteam: unknown key; did you mean "upstream"\?/m],
    [route('respond: {}\n    redirect: { to: / }'), /^2:5 routes\[0\]: needs exactly one of `upstream`, `compose`/m],
    [route('upstream: { targets: [] }'), /routes\[0\]\.upstream\.targets: an upstream needs a target/],
    [route('upstream: { targets: [{ url: "ftp://x" }] }'), /targets\[0\]\.url: expected an http or https URL/],
    [route('upstream: { targets: [{ url: "http://u:p@x" }] }'), /no user and no password/],
    [route('upstream: { targets: [{ url: http://x }], balance: round-robin }'), /balance/],
    [route('respond: {}\n    auth: { none: {}, key: {} }'), /auth\.none: `none` lets anybody in/],
    [
      route('respond: {}\n    auth: { jwt: { issuer: i, algorithms: [HS256] } }'),
      /auth\.jwt\.algorithms: HS256, HS384 and HS512 need `secret`/,
    ],
    [
      route('respond: {}\n    auth: { jwt: { issuer: i, algorithms: [none] } }'),
      /auth\.jwt\.algorithms\[0\]: expected one of RS256/,
    ],
    [
      route('respond: {}\n    auth: { jwt: { issuer: i, jwks_file: nowhere.json } }'),
      /auth\.jwt\.jwks_file: cannot read .*nowhere\.json: ENOENT/,
    ],
    [route('respond: {}\n    limits: [{ max: 1 }]'), /limits\[0\]\.per: requests need a `per`/],
    [
      route('respond: {}\n    limits: [{ max: 1, per: minute, by: cookie }]'),
      /limits\[0\]\.by: expected consumer, ip, route or header:name/,
    ],
    [
      route('respond: {}\n    cors: { origins: ["*"], credentials: true }'),
      /cors\.origins: `credentials: true` needs origins by name/,
    ],
    [route('respond: {}\n    ip: { allow: [300.0.0.1] }'), /ip\.allow\[0\]: expected an address or a CIDR block/],
    [route('respond: { headers: { x-a: "{nothing}" } }'), /respond\.headers\.x-a: \{nothing\} stands for nothing/],
    [route('respond: { headers: { connection: close } }'), /the gateway sets this header itself/],
    [route('respond: {}\n    validate: { body: { type: nonsense } }'), /validate\.body: is not a JSON Schema/],
    [
      route('compose: [{ url: "http://a/{idd}" }]'),
      /compose\[0\]\.url: the path has no parameter "idd"; did you mean "id"\?/,
    ],
    [route('compose: [{ url: "http://a/{b.c}", group: x }]'), /there is no part "b"/],
    [
      route('compose: [{ url: "http://a/{y.c}", group: x }, { url: http://b, group: y }]'),
      /"y" must stand before the part that uses it/,
    ],
    [route('compose: [{ url: "http://{id}/x" }]'), /whose host is fixed/],
    [
      'routes:\n  - { name: a, match: { path: /v1/x }, respond: {} }\n',
      /match\.path: \/v1\/x is a path of the gateway itself/,
    ],
    ...['/embeddings', '/models/:id', '/Chat/Completions', '/%65mbeddings', '/files/*', '/messages', '/openai/*'].map(
      (path): [string, RegExp] => [
        `routes:\n  - { name: a, match: { path: "${path}" }, respond: {} }\n`,
        /is a path of the gateway itself; give the route a `host` of its own/,
      ],
    ),
    ['server: { cors: { origins: [] } }', /server\.cors\.origins: name an origin, or leave `cors` out/],
    [
      'server: { cors: { origins: [app.example.com] } }',
      /expected \*, or an origin such as https:\/\/app\.example\.com/,
    ],
    ['server: { cors: { origins: ["https://a/b"] } }', /expected \*, or an origin/],
    ['server: { cors: { origins: ["*"], headers: ["a b"] } }', /server\.cors\.headers\[0\]/],
    ['server: { cors: { origins: ["*"], credentials: true } }', /server\.cors\.credentials: unknown key/],
    ['server: { cors: {} }', /server\.cors\.origins/],
    ['routes:\n  - { name: a, match: { path: a/* }, respond: {} }\n', /a path begins with \//],
    ['routes:\n  - { name: a, match: { path: "/a/*/b" }, respond: {} }\n', /stands only at the end/],
    [
      'routes:\n  - { name: a, match: { path: /a }, respond: {} }\n  - { name: a, match: { path: /b }, respond: {} }\n',
      /routes\[1\]\.name: there is a route "a" already/,
    ],
    [
      'routes:\n  - { name: a, match: { path: "/a/:x" }, respond: {} }\n  - { name: b, match: { path: "/a/:y" }, respond: {} }\n',
      /routes\[1\]\.match: the route "a" has the same host, path and method already/,
    ],
  ];
  for (const [text, pattern] of cases) assert.match(bad(t, text).join('\n'), pattern, text);
});

test('secrets come from the environment and are shown to nobody', (t) => {
  const config = good(
    t,
    `routes:
  - name: a
    match: { path: /a }
    respond: {}
    auth:
      jwt: { issuer: i, secret: "\${JWT}", algorithms: [HS256] }
      basic: { users: { ada: "\${PW}" } }
      introspection: { url: http://idp, client_id: c, client_secret: "\${CS}" }
    request: { headers: { set: { authorization: "Bearer \${UP}" } } }
`,
    { JWT: 'jwt-secret-of-thirty-two-bytes-or-more', PW: 'pw-secret', CS: 'cs-secret', UP: 'up-secret' },
  );
  assert.equal(config.routes[0]!.auth.jwt!.secret, 'jwt-secret-of-thirty-two-bytes-or-more');
  assert.doesNotMatch(JSON.stringify(describeConfig(config)), /(jwt|pw|cs|up)-secret/);
  assert.doesNotMatch(explainConfig(config).join('\n'), /-secret/);
  assert.match(
    explainConfig(config).join('\n'),
    /routes\n {2}a +any method \/a -> a fixed answer; for jwt or introspection or basic/,
  );
});
