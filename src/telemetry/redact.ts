/**
 * Takes out of a text what must not leave the process: credentials and the names of internal hosts. Known values are
 * taken out literally, unknown ones by their look. The text is cut in between: known values are found wherever they are, so
 * that none is cut in two, and no pattern sees more than the cut text. Every pattern is linear.
 */
const LONGEST_TEXT = 4_000;

const credential =
  /\b(?:sk|pk|rk|key|xai|gsk|whsec)-[\w*.-]{6,}|\btg-[0-9A-Za-z]{49}\b|\bBearer\s+[\w~+/.=-]{6,}|\bAIza[\w-]{20,}|\bAKIA[A-Z0-9]{12,}/gi;
const privateAddress =
  /\b(?:10|127)(?:\.\d{1,3}){3}(?::\d+)?|\b192\.168(?:\.\d{1,3}){2}(?::\d+)?|\b172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}(?::\d+)?|\b169\.254(?:\.\d{1,3}){2}(?::\d+)?|\blocalhost(?::\d+)?|\[(?:::1|f[cde][\da-f:]{1,45})\](?::\d+)?/gi;
/** Any name with or without dots, and a port: it matches wherever it begins, so nothing is ever looked at twice. */
const name = /[\w.-]+(?::\d{1,5})?/g;
const privateLabels = new Set(['internal', 'local', 'lan', 'corp', 'svc', 'cluster']);

/** A name is private up to the last of its labels that says so. */
function withoutPrivate(found: string): string {
  if (!found.includes('.')) return found;
  const colon = found.indexOf(':');
  const labels = (colon === -1 ? found : found.slice(0, colon)).split('.');
  const last = labels.findLastIndex((label, at) => at > 0 && privateLabels.has(label.toLowerCase()));
  if (last === -1 || labels.slice(0, last).every((label) => label === '')) return found;
  const rest = labels.slice(last + 1);
  return rest.length === 0 ? '[redacted]' : `[redacted].${rest.join('.')}${colon === -1 ? '' : found.slice(colon)}`;
}

/** A cleaner for texts in which `secrets` (credentials, hosts of base URLs) may occur. */
export function cleaner(secrets: readonly string[]): (text: string) => string {
  const literal = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const secret of literal) clean = clean.replaceAll(secret, '[redacted]');
    return clean
      .slice(0, LONGEST_TEXT)
      .replace(credential, '[redacted]')
      .replace(privateAddress, '[redacted]')
      .replace(name, withoutPrivate);
  };
}
