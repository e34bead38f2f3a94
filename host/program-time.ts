/** Milliseconds of the processor that this program had. Those of the thread alone are told by ticks of some milliseconds, which is too coarse. */
export const programTime = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
