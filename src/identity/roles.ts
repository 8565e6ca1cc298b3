/** Who may use the admin API, and of which teams. Contract section 6. */

/** `viewer` reads everything but secrets; `team_admin` and `member` have to do with named teams alone. */
export const roles = ['admin', 'viewer', 'team_admin', 'member'] as const;
export type Role = (typeof roles)[number];

/** The teams that somebody has to do with; null: all, and what is of no team. */
export type Teams = ReadonlySet<string> | null;

/** Who calls the admin API. */
export interface Principal {
  /** In the words of the audit log: `admin:<first characters of the admin key's hash>`, `user:<id>`, `user:<id>/<token>`. */
  readonly actor: string;
  readonly role: Role;
  readonly teams: Teams;
  /** The user's id; null: the admin key, or a token that was made with it. */
  readonly user: string | null;
  /** The token that was sent, if it was one. */
  readonly token: { readonly id: string; readonly endsAt: number } | null;
  /** The session that was sent, if it was one. */
  readonly session?: { readonly hash: Buffer; readonly endsAt: number; readonly oidc: boolean };
}

export const isOfTeams = (role: Role): boolean => role === 'team_admin' || role === 'member';

/** Whether something of this team (null: of none) is within what somebody has to do with. */
export const within = (teams: Teams, team: string | null): boolean =>
  teams === null || (team !== null && teams.has(team));

const below: Readonly<Record<Role, readonly Role[]>> = {
  admin: roles,
  viewer: ['viewer', 'member'],
  team_admin: ['team_admin', 'member'],
  member: ['member'],
};

/** Whether a role may do all that the other may. */
export const covers = (role: Role, other: Role): boolean => below[role].includes(other);
