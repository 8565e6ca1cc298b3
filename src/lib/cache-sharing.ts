/** With whom a key shares cached answers: with nobody, not even itself (`off`), each end user apart, its own requests, its team. */
export const cacheSharings = ['off', 'user', 'key', 'team'] as const;
export type CacheSharing = (typeof cacheSharings)[number];
