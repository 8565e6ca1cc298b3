/**
 * Tokens of pictures, sound and documents, from their headers and sizes alone. A picture that can be measured is counted
 * by its model's formula; everything else is an estimate that rather errs upward: the largest picture of the family, the
 * lowest usual bit rate, the densest usual page.
 */
import { type VisionRule, visionRuleFor } from '../formats/openai-chat/models.js';
import { base64Start, type ImageSize, imageSize } from './image-size.js';

/** What is known of the model that will see the media. */
export interface MediaModel {
  readonly name: string;
  /** The name is one of OpenAI's, so its own formulas hold. */
  readonly exact: boolean;
}

/**
 * Other families: one bills a token per 750 pixels (older models) or per square of 28 pixels (newer), up to 4784, which a
 * square of 27 covers both; one bills tiles, one a flat 1120 for any picture. The largest of the three holds for all.
 */
const otherPatches: VisionRule = { kind: 'patches', side: 27, longest: 2576, most: 4784, factor: 1 };
const otherTiles: VisionRule = { kind: 'tiles', base: 85, tile: 170 };
const OTHER_LEAST = 1120;

/** `url` is a data URL or a remote one, which is counted as the largest picture that the model takes. */
export function imageTokens(url: unknown, detail: unknown, model: MediaModel): number {
  const size = typeof url === 'string' ? imageSize(url) : null;
  if (model.exact) return tokensBy(visionRuleFor(model.name, detail), size, detail);
  return Math.max(OTHER_LEAST, tokensBy(otherPatches, size, 'high'), tokensBy(otherTiles, size, 'high'));
}

function tokensBy(rule: VisionRule, size: ImageSize | null, detail: unknown): number {
  if (rule.kind === 'tiles') return rule.base + (detail === 'low' ? 0 : rule.tile * (size ? tileCount(size) : 8));
  // These models take no notice of `detail: "low"`. The product is rounded up, but not for a floating-point remainder.
  return Math.ceil((size ? patchCount(size, rule) : rule.most) * rule.factor - 1e-6);
}

function tileCount({ width, height }: ImageSize): number {
  const fit = Math.min(1, 2048 / Math.max(width, height));
  const scale = fit * Math.min(1, 768 / (Math.min(width, height) * fit));
  return up(Math.round(width * scale) / 512) * up(Math.round(height * scale) / 512);
}

function patchCount({ width, height }: ImageSize, rule: VisionRule & { kind: 'patches' }): number {
  const fit = Math.min(1, rule.longest / Math.max(width, height));
  let across = (width * fit) / rule.side;
  let down = (height * fit) / rule.side;
  if (up(across) * up(down) > rule.most) {
    // Shrunk to the area of `most` squares, then a little more, so that one side is a whole number of them.
    const area = Math.sqrt(rule.most / (across * down));
    const whole = Math.min(
      Math.max(1, Math.floor(across * area)) / (across * area),
      Math.max(1, Math.floor(down * area)) / (down * area),
    );
    across *= area * whole;
    down *= area * whole;
  }
  return Math.min(rule.most, up(across) * up(down));
}

/** A picture of any shape covers at least one square; floating-point remainders do not open another. */
const up = (value: number): number => Math.max(1, Math.ceil(value - 1e-9));

const TOKENS_PER_SECOND = { exact: 10, other: 32 };
/** 32 kbit/s: speech in any of the compressed formats is seldom thinner. */
const COMPRESSED_BYTES_PER_SECOND = 4000;
const WAV_BYTES_PER_SECOND = { least: 8000, most: 192_000 };

/** `data` is base64 of a sound file; a WAV file says its own bytes per second. */
export function audioTokens(data: unknown, model: MediaModel): number {
  if (typeof data !== 'string') return 0;
  const start = Math.max(0, base64Start(data));
  const head = Buffer.from(data.slice(start, start + 48), 'base64');
  const wav = head.length >= 32 && head.toString('latin1', 0, 4) === 'RIFF';
  const { least, most } = WAV_BYTES_PER_SECOND;
  const rate = wav ? Math.min(most, Math.max(least, head.readUInt32LE(28))) : COMPRESSED_BYTES_PER_SECOND;
  const perSecond = model.exact ? TOKENS_PER_SECOND.exact : TOKENS_PER_SECOND.other;
  return Math.ceil((base64Bytes(data, start) / rate) * perSecond);
}

/** A dense page is about 3,000 tokens of text and a picture of 1,600, and has 10 kB or more. */
const PAGE_TOKENS = 4600;
const FILE_TOKENS_PER_BYTE = 0.5;
const FILE_MOST_TOKENS = 1_000_000;
/** A file that the provider keeps and that is named by its id. */
const STORED_FILE_TOKENS = 100_000;

/**
 * A document by its size: half a token per byte, at least a page, at most a million. Too much by up to twenty times for
 * scanned pages, seldom too little. `data` is base64, with or without a data URL's head.
 */
export function documentTokens(data: unknown): number {
  if (typeof data !== 'string') return STORED_FILE_TOKENS;
  const size = base64Bytes(data, Math.max(0, base64Start(data)));
  return Math.min(FILE_MOST_TOKENS, Math.max(PAGE_TOKENS, Math.ceil(size * FILE_TOKENS_PER_BYTE)));
}

const base64Bytes = (data: string, start: number): number => ((data.length - start) / 4) * 3;
