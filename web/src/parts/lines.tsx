/** Text as it is, in lines that may scroll. */
import type { ReactNode } from 'react';

export const Lines = ({ children, testId }: { children: ReactNode; testId?: string }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
  <pre tabIndex={0} data-testid={testId}>
    {children}
  </pre>
);

export const AsJson = ({ of: value }: { of: unknown }) => <Lines>{JSON.stringify(value, null, 2)}</Lines>;
