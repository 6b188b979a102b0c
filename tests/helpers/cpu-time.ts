/** How much a piece of work costs. What else runs on the machine counts for little, other than in the time that it takes. */

/** Milliseconds of CPU that this process has spent on `work`. */
export async function cpuMsOf(work: () => unknown): Promise<number> {
  const from = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1_000;
}
