import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The pages lie at `/ui/`; nothing is inlined, so that a policy without `unsafe-*` can hold them. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/ui/',
  plugins: [react()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1024,
  },
  server: { proxy: { '/admin': 'http://127.0.0.1:4000', '/v1': 'http://127.0.0.1:4000' } },
});
