import '@radix-ui/themes/styles.css';
import './style.css';
import { Theme } from '@radix-ui/themes';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';

const client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: 5_000 } } });

const dark = window.matchMedia('(prefers-color-scheme: dark)');

function Root() {
  const [isDark, setDark] = useState(dark.matches);
  useEffect(() => {
    const follow = (): void => setDark(dark.matches);
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, []);
  return (
    <Theme appearance={isDark ? 'dark' : 'light'} accentColor="indigo" grayColor="slate" radius="medium">
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </Theme>
  );
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Root />
  </StrictMode>,
);
