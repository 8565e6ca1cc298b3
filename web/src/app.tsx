/** Who is signed in sees the pages; else the sign-in. Each page has an address of its own. */
import { Button } from '@radix-ui/themes';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useState } from 'react';
import { Link, Route, Router, Switch, useLocation } from 'wouter';
import { onRefused, session } from './api';
import { AuditPage } from './pages/audit';
import { CachePage } from './pages/cache';
import { ConfigPage } from './pages/config';
import { ExplainPage } from './pages/explain';
import { KeysPage } from './pages/keys';
import { LimitsPage } from './pages/limits';
import { ModelsPage } from './pages/models';
import { PlaygroundPage } from './pages/playground';
import { ReportsPage } from './pages/reports';
import { RequestsPage } from './pages/requests';
import { RoutesPage } from './pages/routes';
import { SignIn } from './pages/sign-in';
import { TeamsPage } from './pages/teams';
import { WebhooksPage } from './pages/webhooks';

/** It has the charts, which are the largest part of all. */
const SpendPage = lazy(() => import('./pages/spend').then(({ SpendPage }) => ({ default: SpendPage })));

const pages = [
  ['/', 'Spend', SpendPage],
  ['/requests', 'Requests', RequestsPage],
  ['/keys', 'Keys', KeysPage],
  ['/teams', 'Teams', TeamsPage],
  ['/models', 'Models', ModelsPage],
  ['/playground', 'Playground', PlaygroundPage],
  ['/explain', 'Explain', ExplainPage],
  ['/cache', 'Cache', CachePage],
  ['/limits', 'Limits', LimitsPage],
  ['/reports', 'Reports', ReportsPage],
  ['/webhooks', 'Webhooks', WebhooksPage],
  ['/routes', 'Routes', RoutesPage],
  ['/config', 'Configuration', ConfigPage],
  ['/audit', 'Audit', AuditPage],
] as const;

export function App() {
  const [signedIn, setSignedIn] = useState(session.get() !== null);
  const client = useQueryClient();
  const leave = (): void => {
    session.end();
    client.clear();
    setSignedIn(false);
  };
  useEffect(() => {
    onRefused.call = leave;
  });
  if (!signedIn) return <SignIn onSignedIn={() => setSignedIn(true)} />;
  return (
    <Router base="/ui">
      <a className="skip" href="#main">
        To the content
      </a>
      <div className="frame">
        <nav className="side" aria-label="Pages">
          <div className="brand">Tollgate</div>
          <ul>
            {pages.map(([path, name]) => (
              <li key={path}>
                <PageLink path={path} name={name} />
              </li>
            ))}
          </ul>
          <Button variant="soft" color="gray" size="1" onClick={leave}>
            Sign out
          </Button>
        </nav>
        <main id="main" tabIndex={-1}>
          <Suspense fallback={<p>Loading</p>}>
            <Switch>
              {pages.map(([path, , Page]) => (
                <Route key={path} path={path}>
                  <Page />
                </Route>
              ))}
              <Route>There is no such page.</Route>
            </Switch>
          </Suspense>
        </main>
      </div>
    </Router>
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
