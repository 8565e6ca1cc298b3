/** Tables as LiteLLM's Prisma schema makes them, as far as an import reads them, and rows to fill them with. */
import pg from 'pg';

const budgets = `max_budget double precision, soft_budget double precision, max_parallel_requests integer, tpm_limit bigint,
  rpm_limit bigint, model_max_budget jsonb, budget_duration text, budget_reset_at timestamp(3)`;
const made = 'created_at timestamp(3) default now(), updated_at timestamp(3)';

const TABLES = `
create table "LiteLLM_BudgetTable" (budget_id text primary key, ${budgets}, allowed_models text[] default '{}', ${made});
create table "LiteLLM_ModelTable" (id serial primary key, aliases jsonb, ${made});
create table "LiteLLM_ProxyModelTable" (model_id text primary key, model_name text not null, litellm_params jsonb not null, model_info jsonb);
create table "LiteLLM_TeamTable" (
  team_id text primary key, team_alias text, organization_id text, admins text[], members text[],
  members_with_roles jsonb default '{}', metadata jsonb default '{}', spend double precision default 0, models text[],
  blocked boolean default false, model_spend jsonb default '{}', model_id integer, ${budgets}, ${made});
create table "LiteLLM_UserTable" (
  user_id text primary key, user_alias text, team_id text, password text, teams text[] default '{}', user_role text,
  spend double precision default 0, user_email text, models text[], metadata jsonb default '{}', ${budgets}, ${made});
create table "LiteLLM_VerificationToken" (
  token text primary key, key_name text, key_alias text, spend double precision default 0, expires timestamp(3), models text[],
  aliases jsonb default '{}', config jsonb default '{}', user_id text, team_id text, permissions jsonb default '{}',
  metadata jsonb default '{}', blocked boolean, allowed_cache_controls text[] default '{}', allowed_routes text[] default '{}',
  model_spend jsonb default '{}', budget_id text, organization_id text, ${budgets}, ${made});
create table "LiteLLM_EndUserTable" (user_id text primary key, alias text, spend double precision default 0, budget_id text, blocked boolean default false);
create table "LiteLLM_TeamMembership" (user_id text, team_id text, spend double precision, budget_id text, primary key (user_id, team_id));
`;

export type Rows = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

export async function fillLitellm(url: string, rows: Rows): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(TABLES);
    for (const [table, list] of Object.entries(rows)) {
      for (const row of list) {
        const names = Object.keys(row);
        const values = names.map((_, i) => `$${i + 1}`).join(', ');
        await client.query(
          `insert into "${table}" (${names.map((name) => `"${name}"`).join(', ')}) values (${values})`,
          Object.values(row),
        );
      }
    }
  } finally {
    await client.end();
  }
}
