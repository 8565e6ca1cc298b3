/** Types of images that the target reads, by the names that they go under. */
import type { Base64ImageSource } from '@anthropic-ai/sdk/resources/messages';

export const imageTypes: ReadonlyMap<unknown, Base64ImageSource['media_type']> = new Map([
  ['image/jpeg', 'image/jpeg'],
  ['image/jpg', 'image/jpeg'],
  ['image/png', 'image/png'],
  ['image/gif', 'image/gif'],
  ['image/webp', 'image/webp'],
]);
