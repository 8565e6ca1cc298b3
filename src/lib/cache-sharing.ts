/** With whom a key shares cached answers: with nobody, not even itself (`off`), its own requests, its team, or every key. */
export const cacheSharings = ['off', 'key', 'team', 'all'] as const;
export type CacheSharing = (typeof cacheSharings)[number];
