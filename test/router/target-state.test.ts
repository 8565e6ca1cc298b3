import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TargetStates } from '../../src/router/states.js';
import { CredentialState } from '../../src/router/target-state.js';
import { aState, middle, rule } from './support.js';

const three = () => [new CredentialState(), new CredentialState(), new CredentialState()];

describe('credentials', () => {
  test('are used in turn', () => {
    const state = aState(three());
    assert.deepEqual(
      Array.from({ length: 6 }, () => state.begin(0).slot),
      [0, 1, 2, 0, 1, 2],
    );
  });

  test('one that is limited rests here alone; the others go on', () => {
    const credentials = three();
    const [state, elsewhere] = [aState(credentials), aState(credentials)];
    state.failed(state.begin(0), 'rate_limit', false, 5, 1000, 0);
    assert.equal(state.whyNot(0), null);
    assert.deepEqual(new Set(Array.from({ length: 10 }, () => state.begin(0).slot)), new Set([1, 2]));
    assert.deepEqual(new Set(Array.from({ length: 10 }, () => elsewhere.begin(0).slot)), new Set([0, 1, 2]));
    assert.deepEqual(new Set(Array.from({ length: 10 }, () => state.begin(1000).slot)), new Set([0, 1, 2]));
  });

  test('one whose quota is used up, or that is not taken, rests wherever it is used', () => {
    for (const why of ['quota', 'credential'] as const) {
      const credentials = three();
      const [state, elsewhere] = [aState(credentials), aState(credentials)];
      state.failed(state.begin(0), why, false, 5, undefined, 0);
      assert.deepEqual(new Set(Array.from({ length: 10 }, () => elsewhere.begin(1).slot)), new Set([1, 2]), why);
      assert.equal(credentials[0]!.why, why);
    }
  });

  test('one that is forbidden something rests for that target alone', () => {
    const credentials = three();
    const [state, elsewhere] = [aState(credentials), aState(credentials)];
    state.failed(state.begin(0), 'credential', false, 5, undefined, 0, false);
    assert.deepEqual(new Set(Array.from({ length: 10 }, () => state.begin(0).slot)), new Set([1, 2]));
    assert.deepEqual(new Set(Array.from({ length: 10 }, () => elsewhere.begin(0).slot)), new Set([0, 1, 2]));
  });

  test('when all rest the target does, and says until when', () => {
    const state = aState([new CredentialState(), new CredentialState()]);
    state.failed(state.begin(0), 'rate_limit', false, 5, 3000, 0);
    state.failed(state.begin(0), 'rate_limit', false, 5, 1000, 0);
    assert.equal(state.whyNot(0), 'resting');
    assert.equal(state.readyAt(0), 1000);
    assert.equal(state.begin(0).slot, 1, 'sent anyway, the soonest is taken');
    assert.equal(state.whyNot(1000), null);
  });
});

describe('what a target learns', () => {
  test('from the headers of a success that a limit is used up', () => {
    const state = aState();
    state.succeeded(state.begin(0), 5, 2500, 0);
    assert.equal(state.whyNot(0), 'resting');
    assert.equal(state.readyAt(0), 2500);
  });

  test('no rest is longer than ten minutes, whatever an upstream says', () => {
    const state = aState();
    state.failed(state.begin(0), 'rate_limit', false, 5, 86_400_000, 0);
    assert.equal(state.readyAt(0), 600_000);
  });

  test("the caller's fault, a context window or a content policy is no failure of the target", () => {
    const state = aState();
    for (const why of ['caller', 'context_window', 'content_policy'] as const) {
      for (let i = 0; i < 20; i++) state.failed(state.begin(0), why, false, 5, undefined, 0);
    }
    assert.equal(state.whyNot(0), null);
    assert.equal(state.breaker.window(0).failures, 0);
  });

  test('what runs is counted, and given up again', () => {
    const state = aState();
    const [a, b, c] = [state.begin(0), state.begin(0), state.begin(0)];
    assert.equal(state.inFlight, 3);
    state.succeeded(a, 1, 0, 0);
    state.failed(b, 'transient', true, 1, undefined, 0);
    state.abandoned(c, 0);
    assert.equal(state.inFlight, 0);
  });

  test('an admin ends every rest', () => {
    const credentials = [new CredentialState()];
    const state = aState(credentials);
    for (const why of ['rate_limit', 'overload', 'not_found', 'quota'] as const) {
      state.failed(state.begin(0), why, false, 5, 5000, 0);
    }
    state.breaker.hold();
    state.release();
    assert.equal(state.whyNot(0), null);
  });
});

describe('states from one configuration to the next', () => {
  const identity = {
    id: 'p/m',
    label: 'p/m',
    provider: 'p',
    address: 'https://p/v1',
    credentials: ['k'],
    hasCredential: true,
    breaker: rule,
    limits: null,
  };
  const make = () => new TargetStates(middle, () => {});

  test('what did not change keeps what is known of it', () => {
    const states = make();
    const before = states.of(identity);
    assert.equal(states.of({ ...identity, credentials: ['k'], breaker: { ...rule } }), before);
  });

  test('another address, credential or breaker is another target', () => {
    const states = make();
    const before = states.of(identity);
    assert.notEqual(states.of({ ...identity, address: 'https://q/v1' }), before);
    assert.notEqual(states.of({ ...identity, credentials: ['other'] }), before);
    assert.notEqual(states.of({ ...identity, breaker: { ...rule, open: 5 } }), before);
    assert.equal(states.named('p/m').length, 4);
  });

  test('a credential is the same one for all targets of its provider, and for no other', () => {
    const states = make();
    const credential = (given: Partial<typeof identity>) => states.of({ ...identity, ...given }).slots[0]!.credential;
    assert.equal(credential({ id: 'p/other' }), credential({}));
    assert.notEqual(credential({ provider: 'q', id: 'q/m' }), credential({}));
  });

  test('tell when a breaker opens and closes, and the worst of what shares a label', () => {
    const told: string[] = [];
    const states = new TargetStates(middle, ({ target, state }) => void told.push(`${target} ${state}`));
    const [one, two] = [states.of({ ...identity, label: 'p/*' }), states.of({ ...identity, id: 'p/n', label: 'p/*' })];
    assert.deepEqual([...states.worst(0)], [['p/*', 'closed']]);
    two.breaker.hold();
    assert.deepEqual([...states.worst(0)], [['p/*', 'held_open']]);
    two.release();
    one.release();
    assert.deepEqual(told, ['p/n opened', 'p/n closed']);
  });
});
