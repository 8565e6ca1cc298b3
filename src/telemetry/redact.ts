/**
 * Takes out of a text what must not leave the process: credentials and the names of internal hosts. Known values are
 * taken out literally, unknown ones by their look.
 */
const credential =
  /\b(?:sk|pk|rk|key|xai|gsk|whsec)-[\w*.-]{6,}|\bBearer\s+[\w~+/.=-]{6,}|\bAIza[\w-]{20,}|\bAKIA[A-Z0-9]{12,}/gi;
const privateAddress =
  /\b(?:10|127)(?:\.\d{1,3}){3}(?::\d+)?|\b192\.168(?:\.\d{1,3}){2}(?::\d+)?|\b172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}(?::\d+)?|\b169\.254(?:\.\d{1,3}){2}(?::\d+)?|\blocalhost(?::\d+)?|\[(?:::1|f[cde][\da-f:]+)\](?::\d+)?/gi;
const privateName = /\b[\w-]+(?:\.[\w-]+)*\.(?:internal|local|lan|corp|svc|cluster)\b(?::\d+)?/gi;

/** A cleaner for texts in which `secrets` (credentials, hosts of base URLs) may occur. */
export function cleaner(secrets: readonly string[]): (text: string) => string {
  const literal = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const secret of literal) clean = clean.replaceAll(secret, '[redacted]');
    return clean
      .replace(credential, '[redacted]')
      .replace(privateAddress, '[redacted]')
      .replace(privateName, '[redacted]');
  };
}
