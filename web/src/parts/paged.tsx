/** A list that is read a page at a time: its rows so far, and the button for more. */
import { Button } from '@radix-ui/themes';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { get, type Page } from '../api';
import { useSettled } from './settled';

/** `path` has the filters and no cursor. While another one is asked for, the rows of the one before are there, and stale. */
export function usePaged<T>(name: string, path: string, refetchInterval: number | false = false) {
  const asked = useSettled(path);
  const pages = useInfiniteQuery({
    queryKey: [name, asked],
    queryFn: ({ pageParam }) =>
      get<Page<T>>(
        pageParam === '' ? asked : `${asked}${asked.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(pageParam)}`,
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    refetchInterval,
  });
  return {
    ...pages,
    data: pages.data?.pages.flatMap(({ data }) => data),
    isOutdated: asked !== path || pages.isPlaceholderData,
  };
}

interface Pages {
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly isOutdated: boolean;
  fetchNextPage(): unknown;
}

export function More({ of: pages }: { of: Pages }) {
  if (!pages.hasNextPage) return null;
  return (
    <div>
      <Button
        variant="soft"
        onClick={() => void pages.fetchNextPage()}
        disabled={pages.isFetchingNextPage || pages.isOutdated}
      >
        Show more
      </Button>
    </div>
  );
}
