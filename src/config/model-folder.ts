/** What a folder has to hold to be an embedding model, as far as that can be seen without loading it. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where exporters put the network; the first that is there is taken, so that the smaller form wins. */
const NETWORKS = ['onnx/model_quantized.onnx', 'onnx/model.onnx', 'model_quantized.onnx', 'model.onnx'] as const;
const LARGEST_TOKENIZER_BYTES = 64 * 1024 * 1024;

/** The file of the network; undefined where there is none. */
export const networkIn = (folder: string): string | undefined =>
  NETWORKS.map((name) => join(folder, name)).find((file) => sizeOf(file) > 0);

/** What is wrong with a folder; null: nothing that can be seen. */
export function modelFolderProblem(folder: string): string | null {
  if (sizeOf(folder) === -1) return `there is no folder ${folder}`;
  const tokenizer = join(folder, 'tokenizer.json');
  const size = sizeOf(tokenizer);
  if (size === -1) return `${folder} has no tokenizer.json (the one of the \`tokenizers\` library)`;
  if (size > LARGEST_TOKENIZER_BYTES) return `${tokenizer} is larger than 64 MB`;
  if (!isTokenizer(tokenizer)) return `${tokenizer} is not a tokenizer: it needs to be JSON with \`model\` in it`;
  if (networkIn(folder) === undefined) return `${folder} has no network: one of ${NETWORKS.join(', ')}`;
  return null;
}

function isTokenizer(file: string): boolean {
  try {
    const { model } = JSON.parse(readFileSync(file, 'utf8')) as { model?: unknown };
    return typeof model === 'object' && model !== null;
  } catch {
    return false;
  }
}

/** -1: it is not there. */
function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? -1;
}
