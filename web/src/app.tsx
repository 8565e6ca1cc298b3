/** Who is signed in sees the pages that are for the role; else the sign-in. Each page has an address of its own. */
import { Button, Text } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { Link, Route, Router, Switch, useLocation } from 'wouter';
import { ApiError, get, onRefused, type SignInState, write } from './api';
import { type Cover, isFor, Me, roleWords, useMe } from './me';
import { AccountPage } from './pages/account';
import { AuditPage } from './pages/audit';
import { CachePage } from './pages/cache';
import { ConfigPage } from './pages/config';
import { ExplainPage } from './pages/explain';
import { GuardrailsPage } from './pages/guardrails';
import { KeysPage } from './pages/keys';
import { LimitsPage } from './pages/limits';
import { ModelsPage } from './pages/models';
import { PlaygroundPage } from './pages/playground';
import { RefusedPage } from './pages/refused';
import { ReportsPage } from './pages/reports';
import { RequestsPage } from './pages/requests';
import { RoutesPage } from './pages/routes';
import { SignIn } from './pages/sign-in';
import { TeamsPage } from './pages/teams';
import { UsersPage } from './pages/users';
import { WebhooksPage } from './pages/webhooks';
import { Boundary } from './parts/boundary';
import { Answer, Problem } from './parts/page';
import { ownZone } from './words';

/** It has the charts, which are the largest part of all. */
const SpendPage = lazy(() => import('./pages/spend').then(({ SpendPage }) => ({ default: SpendPage })));

const pages = [
  ['/', 'Spend', SpendPage, 'all'],
  ['/requests', 'Requests', RequestsPage, 'all'],
  ['/keys', 'Keys', KeysPage, 'all'],
  ['/teams', 'Teams', TeamsPage, 'all'],
  ['/models', 'Models', ModelsPage, 'readAll'],
  ['/playground', 'Playground', PlaygroundPage, 'all'],
  ['/refused', 'Refused', RefusedPage, 'all'],
  ['/explain', 'Explain', ExplainPage, 'all'],
  ['/cache', 'Cache', CachePage, 'readAll'],
  ['/guardrails', 'Guardrails', GuardrailsPage, 'readAll'],
  ['/limits', 'Limits', LimitsPage, 'all'],
  ['/reports', 'Reports', ReportsPage, 'all'],
  ['/webhooks', 'Webhooks', WebhooksPage, 'readAll'],
  ['/routes', 'Routes', RoutesPage, 'readAll'],
  ['/config', 'Configuration', ConfigPage, 'readAll'],
  ['/audit', 'Audit', AuditPage, 'all'],
  ['/users', 'Users', UsersPage, 'readAll'],
  ['/account', 'Account', AccountPage, 'all'],
] as const satisfies readonly (readonly [string, string, unknown, Cover])[];

export function App() {
  const client = useQueryClient();
  const state = useQuery({ queryKey: ['session'], queryFn: () => get<SignInState>('/session'), staleTime: Infinity });
  /** Asks anew who has signed in; what was read for whoever had is forgotten. */
  const begin = async (): Promise<void> => {
    await client.resetQueries({ queryKey: ['session'] });
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
  };
  useEffect(() => {
    onRefused.call = () => void begin();
  });
  return (
    <Answer of={state}>
      {({ session, ways }) =>
        session ? (
          <Me value={session}>
            <Pages begin={begin} />
          </Me>
        ) : (
          <SignIn ways={ways} onSignedIn={(next) => client.setQueryData(['session'], next)} />
        )
      }
    </Answer>
  );
}

/** The session is over when the gateway has ended it. Where it had ended by itself, that is as good. */
function SignOut({ begin }: { begin: () => Promise<void> }) {
  const leave = useMutation({
    mutationFn: async () => {
      const out = await write<{ end_session_url: string | null }>('DELETE', '/session').catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      });
      if (out?.end_session_url) location.assign(out.end_session_url);
      else await begin();
    },
  });
  return (
    <>
      <Button variant="soft" color="gray" size="1" onClick={() => leave.mutate()} disabled={leave.isPending}>
        Sign out
      </Button>
      {leave.error && <Problem error={leave.error} />}
    </>
  );
}

function Pages({ begin }: { begin: () => Promise<void> }) {
  const { user, role } = useMe();
  const mine = pages.filter(([, , , cover]) => isFor(cover, role));
  return (
    <Router base="/ui">
      <a className="skip" href="#main">
        To the content
      </a>
      <div className="frame">
        <nav className="side" aria-label="Pages">
          <div className="brand">Tollgate</div>
          <ul>
            {mine.map(([path, name]) => (
              <li key={path}>
                <PageLink path={path} name={name} />
              </li>
            ))}
          </ul>
          <Text as="p" size="1" color="gray" data-testid="me">
            {`${user?.name || user?.email || user?.id || 'admin key'}, ${roleWords[role]}`}
          </Text>
          <SignOut begin={begin} />
          <Text as="p" size="1" color="gray">{`Times are those of ${ownZone}.`}</Text>
        </nav>
        <main id="main" tabIndex={-1}>
          <Shown of={mine} />
        </main>
      </div>
    </Router>
  );
}

function Shown({ of: mine }: { of: readonly (typeof pages)[number][] }) {
  const [location] = useLocation();
  return (
    <Boundary key={location}>
      <Suspense fallback={<p aria-busy="true">Loading</p>}>
        <Switch>
          {mine.map(([path, , Page]) => (
            <Route key={path} path={path}>
              <Page />
            </Route>
          ))}
          <Route>There is no such page, or it is not for your role.</Route>
        </Switch>
      </Suspense>
    </Boundary>
  );
}

function PageLink({ path, name }: { path: string; name: string }) {
  const [location] = useLocation();
  return (
    <Link href={path} aria-current={location === path ? 'page' : undefined}>
      {name}
    </Link>
  );
}
