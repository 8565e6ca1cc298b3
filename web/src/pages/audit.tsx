/** Every write of the admin API. */
import { Button, Code } from '@radix-ui/themes';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type AuditLine, get, type Page, query } from '../api';
import { Answer, PageFrame } from '../parts/page';
import { DataTable } from '../parts/table';
import { time } from '../words';

export function AuditPage() {
  const lines = useInfiniteQuery({
    queryKey: ['audit'],
    queryFn: ({ pageParam }) => get<Page<AuditLine>>(`/audit${query({ limit: 100, cursor: pageParam })}`),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
  });
  return (
    <PageFrame title="Audit" hint="Who changed what, newest first.">
      <Answer of={{ ...lines, data: lines.data?.pages.flatMap(({ data }) => data) }}>
        {(rows) => (
          <DataTable
            caption="Audit log"
            rows={rows}
            id={(line) => line.id}
            empty="Nothing was changed yet."
            columns={[
              { name: 'Time', cell: (line) => time(line.at) },
              { name: 'Who', cell: (line) => line.actor },
              { name: 'What', cell: (line) => line.action },
              { name: 'Of', cell: (line) => line.subject },
              { name: 'Detail', cell: (line) => <Code size="1">{JSON.stringify(line.detail)}</Code> },
            ]}
          />
        )}
      </Answer>
      {lines.hasNextPage && (
        <div>
          <Button variant="soft" onClick={() => void lines.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
    </PageFrame>
  );
}
