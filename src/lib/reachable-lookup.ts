/** A look-up of names that hands on allowed addresses only, so that what a name leads to is checked whenever a connection is made. */
import type { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isReachable, type Reach } from './public-address.js';

/** The message is the address. */
export class ForbiddenAddress extends Error {
  readonly code = 'TOLLGATE_FORBIDDEN_ADDRESS';
}

/** One address that is not allowed is enough to refuse a name. */
export const reachableLookup =
  (reach: Reach, lookUp: typeof lookup | LookupFunction): LookupFunction =>
  (hostname, options, callback) => {
    (lookUp as LookupFunction)(hostname, { ...options, all: true }, (error, answer) => {
      if (error) return callback(error, []);
      const found = answer as { address: string; family: number }[];
      const bad = found.find(({ address }) => !isReachable(address, reach));
      if (bad || found.length === 0) return callback(new ForbiddenAddress(bad?.address ?? hostname), []);
      if (options.all) return callback(null, found);
      callback(null, found[0]!.address, found[0]!.family);
    });
  };
