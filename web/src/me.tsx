/** Who has signed in, and what of the pages is for whom. The gateway decides; what it would refuse is not offered. */
import { createContext, type ReactNode, useContext } from 'react';
import type { Role, Session } from './api';

const Context = createContext<Session | null>(null);

export const Me = Context.Provider;

export function useMe(): Session {
  const session = useContext(Context);
  if (!session) throw new Error('Nobody has signed in.');
  return session;
}

/** What roles cover, as `src/api/access.ts` has it. */
export const covers = {
  /** To change what is not of single teams. */
  administer: ['admin'],
  /** To change keys: a team admin those of the teams. */
  manage: ['admin', 'team_admin'],
  /** To see who has to do with a team. */
  seePeople: ['admin', 'viewer', 'team_admin'],
  /** To read what is not of single teams. */
  readAll: ['admin', 'viewer'],
  all: ['admin', 'viewer', 'team_admin', 'member'],
} as const satisfies Record<string, readonly Role[]>;

export type Cover = keyof typeof covers;

export const isFor = (cover: Cover, role: Role): boolean => (covers[cover] as readonly Role[]).includes(role);

export const useIsFor = (cover: Cover): boolean => isFor(cover, useMe().role);

/** What is inside is for those alone who may do it. */
export const Only = ({ to, children }: { to: Cover; children: ReactNode }) => (useIsFor(to) ? children : null);

export const roleWords: Readonly<Record<Role, string>> = {
  admin: 'admin',
  viewer: 'viewer',
  team_admin: 'team admin',
  member: 'member',
};

/** What a token of a role may be: that, and what it covers. */
export const below: Readonly<Record<Role, readonly Role[]>> = {
  admin: ['admin', 'viewer'],
  viewer: ['viewer'],
  team_admin: ['team_admin', 'member'],
  member: ['member'],
};

export const roleOptions = (Object.entries(roleWords) as [Role, string][]).map(
  ([role, words]) => [role, words] as const,
);

/** Whether a role has to do with named teams. */
export const isOfTeams = (role: string): boolean => role === 'team_admin' || role === 'member';
