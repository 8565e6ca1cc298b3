import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContentBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { refusal, sent, user } from './calls.js';

const blocksOf = (...parts: object[]) => sent({ messages: [user(parts)] }).messages[0]?.content;

const asTheyAre: readonly ContentBlockParam[] = [
  { type: 'image', source: { type: 'base64', media_type: 'image/webp', data: 'AAAA' } },
  { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' }, cache_control: { type: 'ephemeral' } },
  { type: 'image', source: { type: 'file', file_id: 'file_011' } },
  { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' }, title: 'Paper' },
  {
    type: 'document',
    source: { type: 'text', media_type: 'text/plain', data: 'Grass is green.' },
    context: 'From a book.',
    citations: { enabled: true },
  },
  { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } },
  { type: 'document', source: { type: 'file', file_id: 'file_012' } },
  { type: 'document', source: { type: 'content', content: 'Sky.' } },
  {
    type: 'document',
    source: {
      type: 'content',
      content: [
        { type: 'text', text: 'Sky.' },
        { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
      ],
    },
  },
  {
    type: 'search_result',
    source: 'https://example.com/a',
    title: 'A',
    content: [{ type: 'text', text: 'Sky is blue.' }],
    citations: { enabled: true },
  },
];
for (const block of asTheyAre) {
  test(`${JSON.stringify(block).slice(0, 90)} goes as it is`, () => {
    assert.deepEqual(blocksOf(block), [block]);
  });
}

test('what is not known of a part does not go on', () => {
  const source = { type: 'url', url: 'https://example.com/a.png', headers: { authorization: 'x' } };
  assert.deepEqual(blocksOf({ type: 'image', source, index: 3 }), [
    { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
  ]);
});

const png = { type: 'base64', media_type: 'image/png', data: 'AAAA' };
for (const [part, field] of [
  [{ type: 'image' }, 'source.type'],
  [{ type: 'image', source: { ...png, media_type: 'image/tiff' } }, 'source.media_type'],
  [{ type: 'image', source: { ...png, data: '' } }, 'source.data'],
  [{ type: 'image', source: { type: 'url', url: 7 } }, 'source.url'],
  [{ type: 'image', source: { type: 'file' } }, 'source.file_id'],
  [{ type: 'document', source: { ...png } }, 'source.media_type'],
  [{ type: 'document', source: { type: 'text', data: ' ' } }, 'source.data'],
  [{ type: 'document', source: { type: 'content', content: [] } }, 'source.content'],
  [{ type: 'document', source: { type: 'content', content: [{ type: 'video' }] } }, 'source.content[0].type'],
  [{ type: 'document', source: { type: 'content', content: 'x' }, title: 7 }, 'title'],
  [{ type: 'document', source: { type: 'content', content: 'x' }, citations: true }, 'citations'],
  [{ type: 'search_result', title: 'A', content: [{ type: 'text', text: 'x' }] }, 'source'],
  [{ type: 'search_result', source: 's', content: [{ type: 'text', text: 'x' }] }, 'title'],
  [{ type: 'search_result', source: 's', title: 'A', content: 'x' }, 'content'],
  [{ type: 'search_result', source: 's', title: 'A', content: [{ type: 'image' }] }, 'content[0].type'],
] as const) {
  test(`${JSON.stringify(part).slice(0, 100)} is refused: ${field}`, () => {
    assert.equal(refusal({ messages: [user([part])] }), `invalid_value messages[0].content[0].${field}`);
  });
}
