import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropped, refusal, sent, user } from './calls.js';

const blockOf = (part: object) => sent({ messages: [user([part])] }).messages[0]?.content[0];
const image = (url: unknown) => ({ type: 'image_url', image_url: { url, detail: 'high' } });
const file = (fields: object) => ({ type: 'file', file: fields });
const base64 = (text: string) => Buffer.from(text).toString('base64');

for (const [url, mediaType] of [
  ['data:image/png;base64,iVBO', 'image/png'],
  ['data:image/png;charset=utf-8;base64,iVBO', 'image/png'],
  ['data:image/webp;name=a.webp; base64,iVBO', 'image/webp'],
  ['DATA:IMAGE/JPG;BASE64,iVBO', 'image/jpeg'],
  ['data:image/gif;base64,iVBO', 'image/gif'],
] as const) {
  test(`an image in a data URL is sent as its bytes: ${url}`, () => {
    assert.deepEqual(blockOf(image(url)), {
      type: 'image',
      source: { type: 'base64', media_type: mediaType, data: 'iVBO' },
    });
  });
}

test('an image on the web is sent as its address', () => {
  const url = 'https://example.com/a,b.png?x=1';
  assert.deepEqual(blockOf(image(url)), { type: 'image', source: { type: 'url', url } });
});

test('a PDF in a data URL is a document with the name of its file', () => {
  const part = file({ filename: 'report.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' });
  assert.deepEqual(blockOf(part), {
    type: 'document',
    source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
    title: 'report.pdf',
  });
});

test('bare base64 is understood by the name of its file', () => {
  assert.deepEqual(blockOf(file({ filename: 'a.PDF', file_data: 'JVBERi0=' })), {
    type: 'document',
    source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
    title: 'a.PDF',
  });
});

test('bare base64 of a text file is text, and a file without name has no title', () => {
  for (const filename of ['a.txt', 'b.md', 'c.csv']) {
    const source = { type: 'text', media_type: 'text/plain', data: 'Grüße' };
    assert.deepEqual(blockOf(file({ filename, file_data: base64('Grüße') })), {
      type: 'document',
      source,
      title: filename,
    });
  }
  for (const filename of ['', 7]) {
    const block = blockOf(file({ filename, file_data: 'data:application/pdf;base64,JVBERi0=' }));
    assert.ok(typeof block === 'object' && !('title' in block));
  }
});

for (const [name, data] of [
  ['base64', `data:text/markdown;charset=utf-8;base64,${base64('# Grüße')}`],
  ['percent-encoded', 'data:text/plain,%23%20Gr%C3%BC%C3%9Fe'],
  ['without a type', 'data:,%23%20Gr%C3%BC%C3%9Fe'],
] as const) {
  test(`plain text in a data URL (${name}) is a text document`, () => {
    const source = { type: 'text', media_type: 'text/plain', data: '# Grüße' };
    assert.deepEqual(blockOf(file({ file_data: data })), { type: 'document', source });
  });
}

for (const field of ['file_data', 'file_url']) {
  test(`a document on the web (${field}) is sent as its address`, () => {
    const url = 'https://example.com/a.pdf';
    assert.deepEqual(blockOf(file({ [field]: url })), { type: 'document', source: { type: 'url', url } });
  });
}

test('an address in the place of the object of an image is its address', () => {
  const url = 'https://example.com/a.png';
  assert.deepEqual(blockOf({ type: 'image_url', image_url: url }), { type: 'image', source: { type: 'url', url } });
});

test('an image in a file part is an image', () => {
  const source = { type: 'base64', media_type: 'image/png', data: 'iVBO' };
  assert.deepEqual(blockOf(file({ file_data: 'data:image/png;base64,iVBO' })), { type: 'image', source });
});

test('with drop_params a part that cannot be translated is left out and named', () => {
  const messages = [
    user([
      { type: 'input_audio', input_audio: { data: 'x', format: 'wav' } },
      { type: 'text', text: 'hi' },
    ]),
  ];
  const settings = { dropParams: true };
  assert.deepEqual(sent({ messages }, settings).messages, [user([{ type: 'text', text: 'hi' }])]);
  assert.deepEqual(dropped({ messages }, settings), ['messages[0].content[0].input_audio']);
});

const bad: readonly (readonly [string, unknown, string])[] = [
  ['a part that is no object', 'hi', 'invalid_value messages[0].content[1]'],
  ['a part that is null', null, 'invalid_value messages[0].content[1]'],
  ['a part without type', {}, 'invalid_value messages[0].content[1].type'],
  ['a video', { type: 'video_url', video_url: {} }, 'unsupported_parameter messages[0].content[1].type'],
  ['audio', { type: 'input_audio', input_audio: {} }, 'unsupported_parameter messages[0].content[1].input_audio'],
  ['text that is a number', { type: 'text', text: 1 }, 'invalid_value messages[0].content[1].text'],
  ['an image without object', { type: 'image_url' }, 'invalid_value messages[0].content[1].image_url.url'],
  ['an image whose URL is a number', image(1), 'invalid_value messages[0].content[1].image_url.url'],
  ['an image in a local file', image('file:///etc/passwd'), 'invalid_value messages[0].content[1].image_url.url'],
  [
    'an image as SVG',
    image('data:image/svg+xml;base64,PHN2Zz4='),
    'invalid_value messages[0].content[1].image_url.url',
  ],
  ['an image that is not base64', image('data:image/png,%89PNG'), 'invalid_value messages[0].content[1].image_url.url'],
  ['a data URL without comma', image('data:image/png;base64'), 'invalid_value messages[0].content[1].image_url.url'],
  ['a file without object', { type: 'file' }, 'invalid_value messages[0].content[1].file'],
  ['an empty file', file({}), 'invalid_value messages[0].content[1].file.file_data'],
  ['a file id', file({ file_id: 'file-1' }), 'unsupported_parameter messages[0].content[1].file.file_id'],
  ['file data that is empty', file({ file_data: '' }), 'invalid_value messages[0].content[1].file.file_data'],
  ['file data that is a number', file({ file_data: 1 }), 'invalid_value messages[0].content[1].file.file_data'],
  ['a file URL that is a number', file({ file_url: 1 }), 'invalid_value messages[0].content[1].file.file_url'],
  [
    'an archive',
    file({ file_data: 'data:application/zip;base64,UEs=' }),
    'invalid_value messages[0].content[1].file.file_data',
  ],
  ['bytes of nothing known', file({ file_data: 'UEs=' }), 'invalid_value messages[0].content[1].file.file_data'],
  [
    'a broken data URL',
    file({ file_data: 'data:text/plain,%E0%A4%A' }),
    'invalid_value messages[0].content[1].file.file_data',
  ],
];
for (const [what, part, expected] of bad) {
  test(`${what} is refused with the name of the field`, () => {
    assert.equal(refusal({ messages: [user([{ type: 'text', text: 'x' }, part])] }), expected);
  });
}
