/** Classic routes and how their targets are. */
import { useQuery } from '@tanstack/react-query';
import { get } from '../api';
import { AsJson } from '../parts/lines';
import { Answer, PageFrame } from '../parts/page';

export function RoutesPage() {
  const routes = useQuery({
    queryKey: ['routes'],
    queryFn: () => get<{ data: readonly ({ name: string } & Record<string, unknown>)[] }>('/routes'),
    refetchInterval: 5_000,
  });
  return (
    <PageFrame title="Routes" hint="Ordinary HTTP APIs behind the gateway, as this process sees them.">
      <Answer of={routes}>
        {({ data }) =>
          data.length === 0 ? (
            <div className="empty">
              There is no route. Add one to `routes` of the configuration: docs/routes.md says how.
            </div>
          ) : (
            data.map((route) => (
              <section key={route.name} aria-label={route.name}>
                <h2>{route.name}</h2>
                <AsJson of={route} />
              </section>
            ))
          )
        }
      </Answer>
    </PageFrame>
  );
}
