import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numberText } from '../../src/lib/number-text.js';

test('a number is written so that it reads back as itself', () => {
  const odd = [0, 1, 0.1, 0.001, 0.0001, 1.005, 2.675, 1e-7, 1e21, -1.5, 999.9995, 1 / 3, 123456.789, 1e9, 2 ** 53];
  const random = Array.from({ length: 20_000 }, () => Math.random() * 10 ** Math.floor(Math.random() * 12));
  const rounded = random.map((value) => Math.round(value * 1000) / 1000);
  for (const value of [...odd, ...random, ...rounded]) assert.equal(Number(numberText(value)), value);
});

test('whole numbers have no point, others their places', () => {
  assert.equal(numberText(12), '12');
  assert.equal(numberText(1.25), '1.250');
  assert.equal(numberText(0.007), '0.007');
  assert.equal(numberText(1 / 3), String(1 / 3));
  assert.equal(numberText(Number.NaN), 'NaN');
});
