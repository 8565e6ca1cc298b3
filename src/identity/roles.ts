/** Who may use the admin API, and of which teams. Contract section 6. */

/** `viewer` reads everything but secrets; `team_admin` and `member` have to do with named teams alone. */
export type Role = 'admin' | 'viewer' | 'team_admin' | 'member';

/** The teams that somebody has to do with; null: all, and what is of no team. */
export type Teams = ReadonlySet<string> | null;

/** Who calls the admin API. */
export interface Principal {
  /** In the words of the audit log: `admin:<first characters of the admin key's hash>`. */
  readonly actor: string;
  readonly role: Role;
  readonly teams: Teams;
}
