import { answering, tell } from './children.ts'
import type { Post } from './posts.ts'
import { callerOf, leasedBy, messageOf, openHost } from './world.ts'

/**
 * A host in a process of its own, as it is run. It sends `{ url, did }`; asked `{ prepare: count }` it sends that many calls of one who has a lease, every
 * tenth of them one that is on disk before it is answered; asked `{ usage: true }` what it has used.
 */
export interface Usage {
  /** CPU microseconds. */
  readonly cpu: number
  /** Bytes that the process holds, and the most that it ever held. */
  readonly resident: number
  readonly peak: number
}

const HEADERS = { 'content-type': 'application/vnd.ipld.car', accept: 'application/vnd.ipld.car' }

const { host } = await openHost()
const { url } = await host.listen()
const caller = await callerOf(host.did, 1, leasedBy(host))

answering(async (asked: { prepare: number } | { usage: true }): Promise<{ posts: Post[] } | Usage> => {
  if ('usage' in asked) {
    const { user, system } = process.cpuUsage()
    return { cpu: user + system, resident: process.memoryUsage.rss(), peak: process.resourceUsage().maxRSS * 1024 }
  }
  const posts: Post[] = []
  for (let index = 0; index < asked.prepare; index++) {
    posts.push({ headers: HEADERS, body: await messageOf(caller, index % 10 === 9 ? 'shelf/put' : 'shelf/get') })
  }
  return { posts }
})
tell({ url, did: host.did })
