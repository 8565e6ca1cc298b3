/** Runs something once, after so many milliseconds; answers how to cancel it. Tests hand in one of their own. */
export type Timer = (ms: number, run: () => void) => () => void;

export const timer: Timer = (ms, run) => {
  const started = setTimeout(run, ms);
  return () => clearTimeout(started);
};

/** As `timer`, but the process may end before it. */
export const backgroundTimer: Timer = (ms, run) => {
  const started = setTimeout(run, ms).unref();
  return () => clearTimeout(started);
};
