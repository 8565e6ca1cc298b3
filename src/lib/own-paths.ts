/** First segments of the gateway's own paths. A classic route takes one of them only on a host that it names. */
const own: ReadonlySet<string> = new Set([
  ...['v1', 'chat', 'models', 'admin', 'dashboard', 'passthrough', 'healthz', 'readyz', 'metrics'],
]);

/** Whether a path (without its query) belongs to the gateway itself. */
export function isOwnPath(path: string): boolean {
  const end = path.indexOf('/', 1);
  return own.has(end === -1 ? path.slice(1) : path.slice(1, end));
}
