/** Where a sign-in leads to: a page of the console, whatever was asked for. */
const CONSOLE = '/ui/';
const LONGEST = 500;

export function localPath(asked: string | undefined): string {
  if (asked === undefined || asked.length > LONGEST || !/^\/ui(?:[/?#][\x21\x23-\x5b\x5d-\x7e]*)?$/.test(asked))
    return CONSOLE;
  const url = new URL(asked, 'http://gateway.invalid');
  const isLocal = url.host === 'gateway.invalid' && (url.pathname === '/ui' || url.pathname.startsWith('/ui/'));
  return isLocal ? `${url.pathname}${url.search}${url.hash}` : CONSOLE;
}
