-- Sign-ins by OIDC that are under way, so that one may begin at one gateway and end at another. Of the state, and of what the
-- browser holds, the SHA-256 is kept; nonce and verifier are made of these again.
create table sign_ins (
  state     bytea       primary key check (octet_length(state) = 32),
  browser   bytea       not null check (octet_length(browser) = 32),
  return_to text        not null,
  ends_at   timestamptz not null
);
create index sign_ins_ends on sign_ins (ends_at);

-- Whether it was begun by OIDC: signing out of it can sign out at the issuer too.
alter table sessions add column oidc boolean not null default false;
