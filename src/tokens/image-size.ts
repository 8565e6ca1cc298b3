/**
 * The size of a picture in a data URL, read from the few header bytes of PNG, JPEG, GIF or WebP. Base64 is decoded only
 * where a field is looked at, so a picture of any size costs microseconds; what cannot be read is null, never an error.
 */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A JPEG's frame comes after its metadata, in segments of at most 64 kB each. */
const MOST_SEGMENTS = 512;

/** Width and height in pixels; null where the URL is not base64 data or the format is not known. */
export function imageSize(url: string): ImageSize | null {
  const start = base64Start(url);
  if (start === -1) return null;
  const size = sizeOf((at, length) => bytesAt(url, start, at, length));
  return size && size.width > 0 && size.height > 0 ? size : null;
}

/** Where the base64 of a data URL begins; -1 where `url` is something else. */
export function base64Start(url: string): number {
  if (url.slice(0, 5).toLowerCase() !== 'data:') return -1;
  const head = url.slice(0, 512);
  const comma = head.indexOf(',');
  return comma !== -1 && /;\s*base64\s*$/i.test(head.slice(0, comma)) ? comma + 1 : -1;
}

/** `length` bytes of the picture from `at`; fewer at its end. */
type Bytes = (at: number, length: number) => Buffer;

function bytesAt(url: string, start: number, at: number, length: number): Buffer {
  const from = start + Math.floor(at / 3) * 4;
  const skip = at % 3;
  return Buffer.from(url.slice(from, from + Math.ceil((skip + length) / 3) * 4), 'base64').subarray(
    skip,
    skip + length,
  );
}

function sizeOf(bytes: Bytes): ImageSize | null {
  const head = bytes(0, 30);
  if (head.length < 10) return null;
  const kind = head.toString('latin1', 0, 4);
  if (kind === '\x89PNG')
    return head.length < 24 ? null : { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
  if (kind === 'GIF8') return { width: head.readUInt16LE(6), height: head.readUInt16LE(8) };
  if (kind === 'RIFF') return head.length < 30 ? null : webpSize(head);
  return head[0] === 0xff && head[1] === 0xd8 ? jpegSize(bytes) : null;
}

function webpSize(head: Buffer): ImageSize | null {
  if (head.toString('latin1', 8, 12) !== 'WEBP') return null;
  switch (head.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
    case 'VP8 ':
      return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = head.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    default:
      return null;
  }
}

function jpegSize(bytes: Bytes): ImageSize | null {
  let at = 2;
  for (let segment = 0; segment < MOST_SEGMENTS; segment++) {
    const head = bytes(at, 9);
    if (head.length < 9 || head[0] !== 0xff) return null;
    const marker = head[1]!;
    if (marker === 0xff) {
      at++; // a fill byte
      continue;
    }
    if (isFrame(marker)) return { width: head.readUInt16BE(7), height: head.readUInt16BE(5) };
    const length = head.readUInt16BE(2);
    if (length < 2) return null;
    at += 2 + length;
  }
  return null;
}

/** SOF0 to SOF15, less the three of that range that are tables. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
