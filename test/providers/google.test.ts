/** What the types of Google's providers say of addresses, bodies and models. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gemini } from '../../providers/gemini.js';
import { vertex } from '../../providers/vertex.js';
import { lookup } from '../../src/pricing/catalogue.js';
import { claudeAtVertex } from '../../src/provider/google/claude-body.js';

const facts = (model: string, stream = false, settings = {}) => ({
  model: encodeURIComponent(model),
  stream,
  settings,
});

describe('the Gemini API', () => {
  test('is asked at the address of the model', () => {
    const path = gemini.speaks['google-gemini'];
    assert.equal(path(facts('gemini-2.5-pro')), '/v1beta/models/gemini-2.5-pro:generateContent');
    assert.equal(path(facts('gemini-2.5-pro', true)), '/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse');
    assert.equal(path(facts('models/gemini-2.5-pro')), '/v1beta/models/gemini-2.5-pro:generateContent');
    assert.equal(path(facts('tunedModels/mine')), '/v1beta/tunedModels/mine:generateContent');
  });

  test('has prices with their tiers, and of sound', () => {
    const price = lookup(gemini.catalogue, 'gemini-2.5-pro', Date.parse('2026-11-24'))!;
    assert.deepEqual(
      price.tiers.map(({ aboveInputTokens }) => aboveInputTokens),
      [0, 200_000],
    );
    assert.equal(price.tiers[1]!.pico.input, 2 * price.tiers[0]!.pico.input);
    assert.ok(!price.unpriced?.includes('audio_input'), 'it reads sound at the price of text');
    const flash = lookup(gemini.catalogue, 'gemini-2.5-flash', Date.parse('2026-11-24'))!;
    assert.ok(flash.tiers[0]!.pico.audio_input > flash.tiers[0]!.pico.input);
    assert.ok(lookup(vertex.catalogue, 'claude-opus-4-6', Date.parse('2026-11-24')));
  });
});

describe('Vertex AI', () => {
  test('is where its location is', () => {
    const rows: readonly (readonly [string | undefined, string])[] = [
      [undefined, 'https://aiplatform.googleapis.com'],
      ['global', 'https://aiplatform.googleapis.com'],
      ['us', 'https://aiplatform.us.rep.googleapis.com'],
      ['eu', 'https://aiplatform.eu.rep.googleapis.com'],
      ['europe-west4', 'https://europe-west4-aiplatform.googleapis.com'],
    ];
    for (const [location, host] of rows) assert.equal(vertex.baseUrl(location === undefined ? {} : { location }), host);
  });

  test('asks each model at the address and in the format that it has', () => {
    const settings = { project: 'p-1', location: 'europe-west4' };
    const below = '/v1/projects/p-1/locations/europe-west4';
    const { 'google-gemini': content, 'anthropic-messages': messages, 'openai-chat': chat } = vertex.speaks;
    const rows: readonly (readonly [string, string, string])[] = [
      [
        content(facts('gemini-2.5-pro', false, settings)),
        `${below}/publishers/google/models/gemini-2.5-pro:generateContent`,
        'gemini-2.5-pro',
      ],
      [
        content(facts('google/gemini-2.5-pro', true, settings)),
        `${below}/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse`,
        'google/gemini-2.5-pro',
      ],
      [content(facts('endpoints/123', false, settings)), `${below}/endpoints/123:generateContent`, 'endpoints/123'],
      [
        messages.path(facts('claude-sonnet-4-5@20250929', false, settings)),
        `${below}/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict`,
        'claude-sonnet-4-5@20250929',
      ],
      [
        messages.path(facts('claude-opus-5', true, settings)),
        `${below}/publishers/anthropic/models/claude-opus-5:streamRawPredict`,
        'claude-opus-5',
      ],
      [chat(facts('meta/llama-4', false, settings)), `${below}/endpoints/openapi/chat/completions`, 'meta/llama-4'],
    ];
    for (const [path, expected] of rows) assert.equal(path, expected);
    const formats = rows.map(([, , model]) => vertex.formatsOf(model)[0]);
    assert.deepEqual(formats, [
      'google-gemini',
      'google-gemini',
      'google-gemini',
      'anthropic-messages',
      'anthropic-messages',
      'openai-chat',
    ]);
    assert.equal(
      content(facts('gemini-2.5-pro')),
      '/v1/publishers/google/models/gemini-2.5-pro:generateContent',
      'express mode',
    );
    assert.equal(
      content(facts('gemini-2.5-pro', false, { project: 'p' })),
      '/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:generateContent',
    );
  });

  test('takes the bodies of Claude with a version and without the model, all other bytes as they were', () => {
    const body = (text: string) => claudeAtVertex.body!(Buffer.from(text), facts('claude-opus-5')).toString();
    const version = '"anthropic_version":"vertex-2023-10-16"';
    assert.equal(
      body('{"model":"m", "max_tokens": 5,"x": 12345678901234567890}'),
      `{"max_tokens": 5,"x": 12345678901234567890,${version}}`,
    );
    assert.equal(body('{"max_tokens":5,"model":"m"}'), `{"max_tokens":5,${version}}`);
    assert.equal(body('{"anthropic_version":"bedrock","model":"m"}'), `{${version}}`);
  });
});
