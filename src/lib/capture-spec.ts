/** Whether prompts and answers are kept, as the configuration, teams, keys and models say it. */
export const captureModes = ['off', 'on', 'redacted'] as const;
/** `redacted`: personal data and secrets are taken out before they are kept. */
export type CaptureMode = (typeof captureModes)[number];

/** Of whoever says something (not null) the strictest: `off` before `redacted` before `on`. Null: nobody does. */
export function strictestCapture(said: Iterable<CaptureMode | null | undefined>): CaptureMode | null {
  let strictest: CaptureMode | null = null;
  for (const mode of said) {
    if (mode === 'off') return 'off';
    if (mode === 'redacted' || (mode === 'on' && strictest === null)) strictest = mode;
  }
  return strictest;
}
