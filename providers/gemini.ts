/** Google's Gemini API for developers. */
import { geminiFailures } from '../src/formats/google-gemini/failures.js';
import { geminiModel } from '../src/formats/google-gemini/models.js';
import type { ProviderType } from '../src/provider/provider-type.js';
import { header } from '../src/provider/signers.js';

/** A model may be named with its kind: `models/gemini-2.5-flash`, `tunedModels/mine`. */
const named = (model: string): string =>
  /^(?:models|tunedModels)%2F/.test(model) ? model.replace('%2F', '/') : `models/${model}`;

export const gemini = {
  type: 'gemini',
  genAiName: 'gcp.gemini',
  baseUrl: 'https://generativelanguage.googleapis.com',
  speaks: {
    'google-gemini': ({ model, stream }) =>
      `/v1beta/${named(model)}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    'google-embeddings': ({ model }) => `/v1beta/${named(model)}:batchEmbedContents`,
  },
  mostInputs: 100,
  auth: header('x-goog-api-key'),
  needsCredential: true,
  catalogue: 'google',
  failures: geminiFailures,
  limitHeaders: [],
  // Gemini's tokenizer is not public; Gemma's, which is its kin, stays within a tenth of the public encoding.
  counting: () => ({ encoding: 'o200k_base', factor: 1.1, exact: false }),
  maxOutput: (model) => geminiModel(model).maxOutput,
} satisfies ProviderType;
