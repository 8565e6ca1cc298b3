/** Pictures made of their headers alone, as data URLs. */
export const dataUrl = (type: string, bytes: Buffer): string => `data:${type};base64,${bytes.toString('base64')}`;

const body = Buffer.alloc(500, 0x55);

export function png(width: number, height: number): Buffer {
  const head = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
  const size = Buffer.alloc(8);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  return Buffer.concat([head, size, Buffer.from('0802000000', 'hex'), body]);
}

export function gif(width: number, height: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16LE(width, 0);
  size.writeUInt16LE(height, 2);
  return Buffer.concat([Buffer.from('GIF89a'), size, body]);
}

/** `metadata`: bytes of each segment between the start of the picture and its frame. */
export function jpeg(
  width: number,
  height: number,
  options: { metadata?: number[]; frame?: number; fill?: number } = {},
): Buffer {
  const { metadata = [14], frame = 0xc0, fill = 0 } = options;
  const segments = metadata.map((length) => {
    const segment = Buffer.alloc(length + 4, 0xc0);
    segment.writeUInt16BE(0xffe1, 0);
    segment.writeUInt16BE(length + 2, 2);
    return segment;
  });
  const sof = Buffer.from([0xff, frame, 0, 17, 8, 0, 0, 0, 0, 3]);
  sof.writeUInt16BE(height, 5);
  sof.writeUInt16BE(width, 7);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...segments, Buffer.alloc(fill, 0xff), sof, body]);
}

export function webp(kind: 'VP8X' | 'VP8 ' | 'VP8L', width: number, height: number): Buffer {
  const head = Buffer.alloc(30);
  head.write('RIFF', 0, 'latin1');
  head.write('WEBP', 8, 'latin1');
  head.write(kind, 12, 'latin1');
  if (kind === 'VP8X') {
    head.writeUIntLE(width - 1, 24, 3);
    head.writeUIntLE(height - 1, 27, 3);
  } else if (kind === 'VP8 ') {
    Buffer.from('9d012a', 'hex').copy(head, 23);
    head.writeUInt16LE(width | 0x4000, 26); // the two high bits are a scale for display
    head.writeUInt16LE(height, 28);
  } else {
    head[20] = 0x2f;
    head.writeUInt32LE(((width - 1) | ((height - 1) << 14)) >>> 0, 21);
  }
  return Buffer.concat([head, body]);
}

/** A WAV file that plays for `seconds` at `bytesPerSecond`. */
export function wav(seconds: number, bytesPerSecond: number): Buffer {
  const file = Buffer.alloc(44 + seconds * bytesPerSecond);
  file.write('RIFF', 0, 'latin1');
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(bytesPerSecond, 28);
  return file;
}
