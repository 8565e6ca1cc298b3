/** Bodies in zstd, which node 20 cannot write: two that its own tool made, and frames made by hand. */

/** A request, compressed in each way. */
export const WORDS = `{"model":"sandbox","max_tokens":200,"messages":[{"role":"user","content":"${'compressed words '.repeat(40)}"}]}`;

export const zstdWords = {
  /** As clients do it. */
  level3: Buffer.from(
    'KLUv/QBYxQIA8oUTGJA5HQuAf+9FUkQhmkI2fjM7FcFjmbtPDItgaXFDmSjMv9Hh8mg1oRPmUVPkI1o1kqhKoHoXzu+rMQxA9WhDpkFyrqZJEgzPW0VseVUCAQAbJapmFA==',
    'base64',
  ),
  /** With a checksum. */
  level19: Buffer.from(
    'KLUv/QRopQIA8oUSEaBv+DVDg/kf07sqGUigqHoT2eQGv2a0YPm/T/miatIUOoVRdejpX5u0uzgbF9LvDP376yDEIP3QW6Tnotehb0wLom/Szld8jQMBABslqmYU52Mrvg==',
    'base64',
  ),
};

/** Another request, made by zstd's own tool: */
export const zstdOdd = {
  /** with a size and a checksum, by a dictionary that nobody has, */
  dictionary: Buffer.from(
    'KLUv/WecPnY5FwFdBQDjQwnLtmQm7WF3/79LaPLoy8deK2F8JF2K9KlyZi5oTEZcFmCUwhdaPPyDHZGSXJIUxIP0EXps8GM6cyx4MmwttDW12qdjQi/ZyfmV0ZR8HbdSSBfB1bfBmDrF9M+qZTbwUDzkK1x+l8CIUJj83mPwddE1JT3omWa4tJ9tdDhd5lztspVwvu/zuci5ILPwdcvb945UuizJORejaFnMFUq7lqcN/ZJG42K/eHSb47qi',
    'base64',
  ),
  /** and without its size. */
  unsized: Buffer.from(
    'KLUv/QQARQkAws8tHmCH2wjDGKT6yy4V/gvhnHMQBBJuG1lKGsdREgQBDwcCByfz+TB1cZdugvt8iSqK6cpuMgQziUve7sBcfD603g71m/klRBATpkzpDTUhRRShRnS1rjbOpaQm2orXLX4jlC+HElGMb18xhS+X5Cvu5lL1fzeJ5YVLTbQP7VDTBd34sLg14EU3NhxuL/5L3hrrxrzQ9Cua8eY0AtrA/30ceYTzrAm8DTB4nQM4DF8U4z9HOEwrX6cRLiAgQuKg8wEdQmC7oHBwRDdMe2Nm92g6BpxPkw1vKtj8FDQps37l/8ksToTRJ2w5kQ0/MqxruGJLRnBcGxZQWmZDGuIe4mxgmoDIMTDOzPuGdLWMkmxcXi+TB8jdYt7yxtKzw1AEuYYho9iC+QSb47qi',
    'base64',
  ),
};

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

const block = (kind: 0 | 1, size: number, content: Buffer, last: boolean): Buffer => {
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | (kind << 1) | Number(last), 0, 3);
  return Buffer.concat([header, content]);
};

/** A frame of one block that is not compressed. `content`: what it says to hold; `window`: its descriptor. */
export function rawFrame(content: Buffer, says: { readonly content?: number; readonly window?: number } = {}): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(says.content ?? content.length);
  const head = says.window === undefined ? [0xa0, ...size] : [0x00, says.window];
  return Buffer.concat([Buffer.from([...MAGIC, ...head]), block(0, content.length, content, true)]);
}

/** A frame of so many blocks that each stand for 128 kB of one byte, with a window of 1 MB. */
export function rleFrame(blocks: number, byte = 0x20): Buffer {
  const all = Array.from({ length: blocks }, (_, at) => block(1, 128 * 1024, Buffer.from([byte]), at === blocks - 1));
  return Buffer.concat([Buffer.from([...MAGIC, 0x00, 10 << 3]), ...all]);
}

/** A frame that is to be passed over. */
export function skippedFrame(sizeBytes: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50, 0);
  head.writeUInt32LE(sizeBytes, 4);
  return Buffer.concat([head, Buffer.alloc(sizeBytes)]);
}
