import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { HttpResponseWriter } from '../../src/api/response-writer.js';
import type { ClientResponse } from '../../src/front/client.js';

test('however many attempts a request has, its response has one listener for each event, and all of them are told', () => {
  const response = new EventEmitter();
  const writer = new HttpResponseWriter(response as unknown as ClientResponse);
  const told: number[] = [];
  for (let i = 0; i < 20; i++) {
    writer.onDrain(() => told.push(i));
    writer.onGone(() => told.push(100 + i));
  }
  for (const event of ['drain', 'close', 'error']) assert.equal(response.listenerCount(event), 1, event);
  response.emit('drain');
  response.emit('drain');
  assert.deepEqual(told, [...Array(20).keys(), ...Array(20).keys()]);
  response.emit('close');
  assert.equal(told.length, 60);
});
