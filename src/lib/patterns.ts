/**
 * Patterns of names. A pattern's only sign is `*`, which stands for any run of characters; matching looks for the parts
 * between stars from left to right and never goes back, so that no pattern and no name takes long.
 */

/** Whether a name matches one of the patterns, which are compiled here. */
export function anyOf(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns.filter((pattern) => pattern.includes('*')).map(glob);
  return (name) => exact.has(name) || globs.some((matches) => matches(name));
}

function glob(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*');
  const first = parts[0]!;
  const last = parts[parts.length - 1]!;
  const middle = parts.slice(1, -1).filter((part) => part !== '');
  return (name) => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
    const end = name.length - last.length;
    let at = first.length;
    for (const part of middle) {
      const found = name.indexOf(part, at);
      if (found === -1 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
