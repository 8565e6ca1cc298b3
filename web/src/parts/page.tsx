/** The frame of a page: a heading, what can be done, and what it waits for or what went wrong. */
import { Button, Callout, Flex, Heading, Skeleton, Text } from '@radix-ui/themes';
import { type ReactNode, useEffect } from 'react';
import { message } from '../words';

interface PageProps {
  readonly title: string;
  readonly hint?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function PageFrame({ title, hint, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Tollgate`;
  }, [title]);
  return (
    <Flex direction="column" gap="4">
      <Flex justify="between" align="start" gap="3" wrap="wrap">
        <div>
          <Heading as="h1" size="6">
            {title}
          </Heading>
          {hint && (
            <Text as="p" size="2" color="gray">
              {hint}
            </Text>
          )}
        </div>
        <Flex gap="2" wrap="wrap" align="end">
          {actions}
        </Flex>
      </Flex>
      {children}
    </Flex>
  );
}

interface Loading {
  /** Of a list that is asked for with other filters: what is shown is what was there before. */
  readonly isOutdated?: boolean;
  readonly isPending: boolean;
  readonly error: unknown;
  refetch(): unknown;
}

/** What is shown until an answer is there, or instead of one. */
export function Answer<T>({
  of,
  children,
}: {
  of: Loading & { data: T | undefined };
  children: (data: T) => ReactNode;
}) {
  if (of.error) return <Problem error={of.error} retry={() => void of.refetch()} />;
  if (of.isPending || of.data === undefined)
    return (
      <div role="status" aria-busy="true" aria-label="Loading">
        <Skeleton height="140px" />
      </div>
    );
  if (of.isOutdated === undefined) return <>{children(of.data)}</>;
  return (
    <div aria-busy={of.isOutdated} className={of.isOutdated ? 'stale' : undefined}>
      {children(of.data)}
    </div>
  );
}

export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <Callout.Root color="red" role="alert">
      <Callout.Text>{message(error)}</Callout.Text>
      {retry && (
        <div>
          <Button size="1" variant="soft" color="red" onClick={retry}>
            Try again
          </Button>
        </div>
      )}
    </Callout.Root>
  );
}
