/** Bounds of work that only computes are told in processor time: what else the machine does is not in it. */
export function processorTime(): () => number {
  const begin = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(begin);
    return (user + system) / 1_000;
  };
}
