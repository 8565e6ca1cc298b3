/** Keys, teams and audit lines as whoever has to do with named teams alone reads them: all else is not there. */

import type { KeyStore } from './key-store.js';
import type { Keys } from './keys.js';
import { type Teams, within } from './roles.js';

type LimitReads = Pick<KeyStore, 'key' | 'team' | 'withUserLimits'>;

/** What levels of limits are read from. */
export const limitReadsWithin = (read: LimitReads, teams: Teams): LimitReads =>
  teams === null
    ? read
    : {
        async key(id) {
          const key = await read.key(id);
          return key && within(teams, key.team) ? key : null;
        },
        team: async (id) => (teams.has(id) ? read.team(id) : null),
        withUserLimits: () => read.withUserLimits(teams),
      };

export const readsWithin = (read: Keys['read'], teams: Teams): Keys['read'] =>
  teams === null
    ? read
    : {
        ...limitReadsWithin(read, teams),
        keys: (filter, page) => read.keys({ ...filter, teams }, page),
        teams: (page, _only, q) => read.teams(page, teams, q),
        audit: (filter, page) => read.audit({ ...filter, teams }, page),
      };
