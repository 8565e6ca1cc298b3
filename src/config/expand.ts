// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
/**
 * `${NAME}` and `${NAME:-default}` inside a value. Expanded once: what a variable holds is never expanded again. As in a
 * shell, the default stands in for a variable that is unset or empty. `$${` writes `${`; any other `$` is itself.
 */
export type Expanded = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

const PLACEHOLDER = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\})?/g;

export function expand(text: string, env: Readonly<Record<string, string | undefined>>): Expanded {
  if (!text.includes('${')) return { ok: true, text };
  let message: string | undefined;
  const expanded = text.replace(PLACEHOLDER, (whole, name: string | undefined, fallback: string | undefined) => {
    if (whole === '$${') return '${';
    if (name === undefined) {
      message ??= 'a placeholder reads ${NAME} or ${NAME:-default}; write $${ for the characters themselves';
      return '';
    }
    const value = env[name];
    if (fallback !== undefined) return value || fallback.slice(2);
    if (value === undefined)
      message ??= `the environment variable ${name} is not set; \${${name}:-} would make it optional`;
    return value ?? '';
  });
  return message === undefined ? { ok: true, text: expanded } : { ok: false, message };
}
