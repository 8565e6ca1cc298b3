/** The endpoints as keys name them in `endpoints`. */
export const endpointNames = [
  'chat',
  'responses',
  'messages',
  'completions',
  'embeddings',
  'moderations',
  'images',
  'audio',
  'rerank',
  'files',
  'batches',
  'passthrough',
  'routes',
] as const;
