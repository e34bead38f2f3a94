import { answering, tell } from './children.ts'
import { collectAll } from './garbage.ts'
import { openHost, seedOf } from './world.ts'

/** What a host has used. */
export interface Usage {
  /** CPU microseconds. */
  readonly cpu: number
  /** Bytes that the process holds, and the most that it ever held. */
  readonly resident: number
  readonly peak: number
}

/**
 * A host in a process of its own, as it is run. It sends `{ url, did, seed }`, asked `{ usage: true }` what it has used, and `{ live: true }`
 * the `bytes` that are in use.
 */
const { host } = await openHost()
const { url } = await host.listen()

answering((asked: { usage: true } | { live: true }): Usage | { bytes: number } => {
  if ('live' in asked) {
    collectAll()
    const { heapUsed, external } = process.memoryUsage()
    return { bytes: heapUsed + external }
  }
  const { user, system } = process.cpuUsage()
  return { cpu: user + system, resident: process.memoryUsage.rss(), peak: process.resourceUsage().maxRSS * 1024 }
})
tell({ url, did: host.did, seed: seedOf(host) })
