/** The answer cache as the request path sees it. */
export type CacheState = 'hit' | 'semantic' | 'miss' | 'off';

export interface Cache {
  /** What is known of this request: never fails, never blocks. */
  recall(): { readonly state: CacheState };
}

export const noCache: Cache = { recall: () => ({ state: 'off' }) };
