/** First segments of the gateway's own paths. A classic route takes one of them only on a host that it names. */
const own: ReadonlySet<string> = new Set([
  ...['v1', 'chat', 'models', 'admin', 'dashboard', 'passthrough', 'healthz', 'readyz', 'metrics'],
]);

/** Whether a path, with or without a query, belongs to the gateway itself. */
export function isOwnPath(path: string): boolean {
  for (let i = 1; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 47 || code === 63 || code === 35) return own.has(path.slice(1, i)); // / ? #
  }
  return own.has(path.slice(1));
}
