/** A list that is read a page at a time: its rows so far, and the button for more. */
import { Button } from '@radix-ui/themes';
import { useInfiniteQuery } from '@tanstack/react-query';
import { get, type Page } from '../api';

/** `pathOf` has the path of the page at a cursor; empty: the first one. */
export function usePaged<T>(
  queryKey: readonly unknown[],
  pathOf: (cursor: string) => string,
  refetchInterval: number | false = false,
) {
  const pages = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => get<Page<T>>(pathOf(pageParam)),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval,
  });
  return { ...pages, data: pages.data?.pages.flatMap(({ data }) => data) };
}

interface Pages {
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  fetchNextPage(): unknown;
}

export function More({ of: pages }: { of: Pages }) {
  if (!pages.hasNextPage) return null;
  return (
    <div>
      <Button variant="soft" onClick={() => void pages.fetchNextPage()} disabled={pages.isFetchingNextPage}>
        Show more
      </Button>
    </div>
  );
}
