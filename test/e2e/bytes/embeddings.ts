/** Embeddings. */
import { embeddingsOf } from '../../support/openai-embeddings-answers.js';
import { json } from '../../support/upstream-steps.js';
import { type BytesCase, OWN } from './case.js';

const path = '/v1/embeddings';
const body = { model: 'embed', input: ['good day', 'hi'] };
const served = { ...body, model: 'upstream-m' };

export const embeddingsCases: readonly BytesCase[] = [
  { name: 'embeddings', path, sends: [body] },
  { name: 'embeddings of one text', path, sends: [{ model: 'embed', input: 'good day' }] },
  { name: 'embeddings as numbers', path, sends: [{ ...body, encoding_format: 'float' }] },
  { name: 'embeddings in base64', path, sends: [{ ...body, encoding_format: 'base64' }] },
  {
    name: 'embeddings of tokens',
    path,
    sends: [
      { model: 'embed', input: [1, 2, 3] },
      { model: 'embed', input: [[1, 2], [3]], encoding_format: 'base64' },
    ],
  },
  { name: 'embeddings of fewer dimensions', path, sends: [{ ...body, dimensions: 2, user: 'ann' }] },
  {
    name: 'embeddings in odd spelling',
    path,
    sends: [
      '{ "x":1.0 ,"input" :[ "a\\u0062", "" ],\n"model":"embed","encoding_format":"int8", "big":12345678901234567890}',
    ],
  },
  {
    name: 'base64 for who asked numbers',
    path,
    model: {},
    sends: [{ ...body, model: OWN, encoding_format: 'float' }],
    answers: [json(200, embeddingsOf(served, { forms: 'base64' }))],
  },
  {
    name: 'numbers for who asked base64',
    path,
    model: {},
    sends: [{ ...body, model: OWN, encoding_format: 'base64' }],
    answers: [json(200, embeddingsOf(served, { forms: 'float' }))],
  },
  {
    name: 'embeddings without usage',
    path,
    model: {},
    sends: [{ ...body, model: OWN }],
    answers: [json(200, embeddingsOf(served, { usage: null }))],
  },
  {
    name: 'too few embeddings',
    path,
    model: { retry: { max_attempts: 1 } },
    sends: [{ ...body, model: OWN }],
    answers: [json(200, embeddingsOf({ ...served, input: ['hi'] }))],
  },
  {
    name: 'embeddings of another shape',
    path,
    model: { retry: { max_attempts: 1 } },
    sends: [{ ...body, model: OWN }],
    answers: [json(200, { hello: 1 })],
  },
  { name: 'embeddings where the target has none', path, sends: [{ ...body, model: 'claude-sonnet-4-5' }] },
  {
    name: 'embeddings without input',
    path,
    sends: [
      { model: 'embed' },
      { model: 'embed', input: [] },
      { model: 'embed', input: [1, 'a'] },
      { model: 'embed', input: ['a', 1] },
      { model: 'embed', input: [[]] },
    ],
  },
  {
    name: 'embeddings with a budget',
    path,
    model: {},
    key: { limits: [{ unit: 'usd', max: 0.000001, per: 'total' }] },
    sends: [{ ...body, model: OWN, input: 'x '.repeat(500) }],
  },
  {
    name: 'embeddings: cached',
    path,
    model: { cache: { exact: true } },
    sends: [
      { ...body, model: OWN },
      { ...body, model: OWN },
    ],
  },
];
