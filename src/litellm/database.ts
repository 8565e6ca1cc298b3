/**
 * LiteLLM's database as calls of the admin API. First everything is read and laid out (`layOut`), which changes nothing. To take
 * it over, what was spent so far is entered before any key works, then the teams are created, then the keys: budgets are summed
 * from the ledger when they are first used, so they begin with what was spent. Each step does nothing where it was done before,
 * so a run that was cut off is simply run again; what exists by then is left as it is, and what was spent is not counted again,
 * whatever figures there are by then.
 */
import type { Json } from '../lib/json.js';
import { isOfAll, jsonOf } from './budgets.js';
import type { Findings } from './findings.js';
import { hasBudget, type KeyRow, keyRow, modelsOf, personalTeam, type TeamRow, teamRow, text } from './rows.js';
import type { CountedName, LitellmTables } from './tables-pg.js';

export interface Layout {
  readonly teams: readonly TeamRow[];
  readonly keys: readonly KeyRow[];
  readonly openings: readonly Opening[];
}

/** What was spent before: of a key, of a team, or of both. */
export interface Opening {
  readonly sha256?: string;
  readonly team?: string;
  readonly usd: string;
}

type Progress = (what: string, done: number, of: number) => void;

export async function layOut(
  tables: LitellmTables,
  nowMs: number,
  findings: Findings,
  progress: Progress,
): Promise<Layout> {
  const budgets = await byId(tables, 'LiteLLM_BudgetTable', 'budget_id');
  const aliases = await byId(tables, 'LiteLLM_ModelTable', 'id');
  const users = await byId(tables, 'LiteLLM_UserTable', 'user_id');
  const names = new Set<string>();
  const teams = new Map<string, TeamRow>();
  for await (const page of tables.pages('LiteLLM_TeamTable')) {
    for (const row of page) {
      const id = String(row['team_id']);
      const name = freeName(text(row['team_alias'], 90) ?? text(id, 90) ?? 'team', id, names);
      const own = jsonOf(aliases.get(String(row['model_id']))?.['aliases']);
      teams.set(
        id,
        teamRow(row, name, own, (reason) => findings.note(isOfAll(reason) ? 'every budget' : `team ${name}`, reason)),
      );
    }
  }
  const personal = new Map<string, TeamRow>();
  const keys: KeyRow[] = [];
  const of = await tables.count('LiteLLM_VerificationToken');
  let seen = 0;
  for await (const page of tables.pages('LiteLLM_VerificationToken')) {
    for (const row of page) {
      const shown = `key ${text(row['key_alias'], 100) ?? text(row['key_name'], 40) ?? String(row['token']).slice(0, 8)}`;
      const tell = (reason: string) => findings.note(isOfAll(reason) ? 'every budget' : shown, reason);
      const team = teams.get(String(row['team_id'])) ?? personalOf(row, users, personal, names, findings);
      if (row['team_id'] && !team && row['team_id'] !== 'litellm-dashboard')
        tell('its team is not there: it has none, nor the limits and models of it');
      const models = team ? team.models : modelsOf(users.get(String(row['user_id']))?.['models']);
      const key = keyRow(row, { team, models, budget: budgets.get(String(row['budget_id'])) }, nowMs, tell);
      if ('skipped' in key) findings.lacks(shown, key.skipped);
      else {
        keys.push(key);
        tellOfKey(row, shown, findings);
      }
    }
    seen += page.length;
    progress('keys read', seen, of);
  }
  for (const user of users.values()) {
    const who = `user ${text(user['user_email'], 100) ?? text(user['user_id'], 100) ?? '?'}`;
    findings.lacks(who, `cannot sign in here until it is made a user (${text(user['user_role'], 40) ?? 'no role'})`);
  }
  await tellOfOthers(tables, findings);
  const all = [...teams.values(), ...personal.values()];
  return { teams: all, keys, openings: openingsOf(all, keys) };
}

async function byId(
  tables: LitellmTables,
  table: 'LiteLLM_BudgetTable' | 'LiteLLM_ModelTable' | 'LiteLLM_UserTable',
  id: string,
) {
  const found = new Map<string, Json>();
  for await (const page of tables.pages(table)) for (const row of page) found.set(String(row[id]), row);
  return found;
}

/** Teams are known by their names here: of several with one name, all but the first have their id with it. */
function freeName(wanted: string, id: string, names: Set<string>): string {
  let name = wanted;
  for (let n = 1; names.has(name); n++) name = `${wanted} ${text(id, 8) ?? ''}${n > 1 ? ` ${n}` : ''}`.trim();
  names.add(name);
  return name;
}

/** A user's own budget and rates hold for all keys of the user that have no team: they become a team of one. */
function personalOf(
  row: Json,
  users: ReadonlyMap<string, Json>,
  personal: Map<string, TeamRow>,
  names: Set<string>,
  findings: Findings,
) {
  const id = row['user_id'];
  const user = typeof id === 'string' && !row['team_id'] ? users.get(id) : undefined;
  if (!user || (user['max_budget'] == null && user['rpm_limit'] == null && user['tpm_limit'] == null)) return undefined;
  const there = personal.get(String(id));
  if (there) return there;
  const name = freeName(`user ${text(user['user_email'], 80) ?? text(id, 80) ?? ''}`.trim(), String(id), names);
  const made = personalTeam(user, name, (reason) => findings.note(isOfAll(reason) ? 'every budget' : name, reason));
  findings.note(name, 'a team that holds the budget and rates of this user for the keys without a team');
  personal.set(String(id), made);
  return made;
}

const quiet = [
  'permissions',
  'config',
  'router_settings',
  'allowed_cache_controls',
  'budget_limits',
  'object_permission_id',
  'policies',
];

function tellOfKey(row: Json, shown: string, findings: Findings): void {
  const there = quiet.filter((name) => {
    const value = row[name];
    if (value == null) return false;
    return Array.isArray(value)
      ? value.length > 0
      : typeof value === 'object'
        ? Object.keys(value).length > 0
        : value !== '{}';
  });
  if (there.length > 0) findings.lacks(shown, `has no equivalent of ${there.join(', ')}`);
  if (row['auto_rotate'] === true) findings.lacks(shown, 'keys are not rotated by themselves');
}

const others: Readonly<Partial<Record<CountedName, string>>> = {
  LiteLLM_ProxyModelTable: 'models: their credentials are encrypted there; state them in the configuration',
  LiteLLM_OrganizationTable: 'organizations: teams have none above them',
  LiteLLM_ProjectTable: 'projects: keys belong to teams',
  LiteLLM_EndUserTable: 'end users: `user_limits` of a key or team hold for each of its end users',
  LiteLLM_TagTable: 'tags with budgets: limits hang on keys, teams, models and targets',
  LiteLLM_TeamMembership: 'memberships of teams with budgets of their own',
  LiteLLM_DeprecatedVerificationToken: 'old secrets of rotated keys: they stop working',
  LiteLLM_Config: 'settings that were made in its pages: state them in the configuration',
};

async function tellOfOthers(tables: LitellmTables, findings: Findings): Promise<void> {
  for (const [table, what] of Object.entries(others)) {
    const count = await tables.count(table as CountedName);
    if (count > 0) findings.lacks(table, `${count} ${what}`);
  }
}

/**
 * What the ledger has to say of the past, so that every budget sums to what it was. A team's sum is its own. A key whose budget
 * counts it needs its sum as well; as much of that as the team's sum allows is of both, the rest of the key alone. What is left of
 * a team's sum comes after its keys, also where it is nothing: with it the team's sum is whole, and a later run adds nothing to it.
 */
function openingsOf(teams: readonly TeamRow[], keys: readonly KeyRow[]): Opening[] {
  const left = new Map(teams.map(({ name, spentUsd }) => [name, nanoOf(spentUsd)]));
  const ofKeys = new Map<string | undefined, Opening[]>();
  for (const { sha256, fields, spentUsd } of keys) {
    if (!hasBudget(fields)) continue;
    const team = fields['team'] as string | undefined;
    const spent = nanoOf(spentUsd);
    const ofTeam = team === undefined ? 0 : Math.min(spent, left.get(team) ?? 0);
    const pieces = ofKeys.get(team) ?? [];
    ofKeys.set(team, pieces);
    if (team !== undefined && ofTeam > 0) {
      left.set(team, left.get(team)! - ofTeam);
      pieces.push({ sha256, team, usd: usdOf(ofTeam) });
    }
    if (spent > ofTeam) pieces.push({ sha256, usd: usdOf(spent - ofTeam) });
  }
  const ofTeams = [...left].flatMap(([team, nano]) => {
    const pieces = ofKeys.get(team) ?? [];
    return nano > 0 || pieces.length > 0 ? [...pieces, { team, usd: usdOf(nano) }] : [];
  });
  return [...ofTeams, ...(ofKeys.get(undefined) ?? [])];
}

/** The pieces of a key go together: what was entered of it before is not entered again. So do those of a team that are not many. */
function callsOf(openings: readonly Opening[]): Opening[][] {
  const calls: Opening[][] = [];
  for (const together of parted(openings)) {
    const last = calls.at(-1);
    if (last && last.length + together.length <= OPENINGS_AT_ONCE) last.push(...together);
    else calls.push(together);
  }
  return calls;
}

/** A team with its keys, in order; of one with too many, and of keys without a team, each key. */
function parted(openings: readonly Opening[]): Opening[][] {
  const parts: Opening[][] = [];
  let team: Opening[] = [];
  for (const one of openings) {
    team.push(one);
    if (one.sha256 !== undefined) continue;
    parts.push(...(team.length <= OPENINGS_AT_ONCE ? [team] : byKey(team)));
    team = [];
  }
  return [...parts, ...byKey(team)];
}

function byKey(openings: readonly Opening[]): Opening[][] {
  const keys: Opening[][] = [];
  for (const one of openings) {
    if (one.sha256 !== undefined && keys.at(-1)?.[0]?.sha256 === one.sha256) keys.at(-1)!.push(one);
    else keys.push([one]);
  }
  return keys;
}

const nanoOf = (usd: number): number => Math.round(usd * 1e9);
const usdOf = (nano: number): string => `${Math.floor(nano / 1e9)}.${String(nano % 1e9).padStart(9, '0')}`;

/** A call of the admin API: the status, and what went wrong in words. */
export type AdminCall = (
  method: string,
  path: string,
  body: object,
) => Promise<{ status: number; detail: string; body: unknown }>;

export interface Taken {
  readonly teams: { created: number; there: number };
  readonly keys: { created: number; there: number };
  readonly openings: { entered: number; there: number };
}

const AT_ONCE = 4;
const KEYS_AT_ONCE = 100;
const OPENINGS_AT_ONCE = 500;

export async function takeOver(
  layout: Layout,
  call: AdminCall,
  findings: Findings,
  progress: Progress,
): Promise<Taken> {
  const taken: Taken = {
    teams: { created: 0, there: 0 },
    keys: { created: 0, there: 0 },
    openings: { entered: 0, there: 0 },
  };
  let sums = 0;
  for (const data of callsOf(layout.openings)) {
    const answer = await call('POST', '/ledger/openings', { source: 'litellm', data });
    if (answer.status !== 200) throw new Error(answer.detail);
    const { entered, already_there } = answer.body as { entered: number; already_there: number };
    taken.openings.entered += entered;
    taken.openings.there += already_there;
    sums += data.length;
    progress('sums entered', sums, layout.openings.length);
  }
  const create = async (path: string, what: string, body: object, counted: { created: number; there: number }) => {
    const { status, detail } = await call('POST', path, body);
    if (status === 201) counted.created++;
    else if (status === 409) counted.there++;
    else findings.lacks(what, detail);
  };
  const bodyOf = ({ fields, blocked }: KeyRow | TeamRow) => ({ ...fields, ...(blocked ? { blocked: true } : {}) });
  await each(layout.teams, progress, 'teams', async (team) => {
    await create('/teams', `team ${team.name}`, bodyOf(team), taken.teams);
  });
  const pages = Array.from({ length: Math.ceil(layout.keys.length / KEYS_AT_ONCE) }, (_, page) =>
    layout.keys.slice(page * KEYS_AT_ONCE, (page + 1) * KEYS_AT_ONCE),
  );
  let done = 0;
  await each(
    pages,
    () => {},
    'keys',
    async (page) => {
      const { status } = await call('POST', '/keys', { data: page.map(bodyOf) });
      if (status === 201) taken.keys.created += page.length;
      // Many are made all or none: where one of them is refused or there already, each is made for itself.
      else for (const key of page) await create('/keys', `key ${String(key.fields['name'])}`, bodyOf(key), taken.keys);
      done += page.length;
      progress('keys', done, layout.keys.length);
    },
  );
  return taken;
}

async function each<T>(
  all: readonly T[],
  progress: Progress,
  what: string,
  act: (one: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length) {
      await act(all[next++]!);
      progress(what, ++done, all.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
