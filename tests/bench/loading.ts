import { Agent, request } from 'node:http'
import type { Post } from './serving.ts'

/** Callers in a process of their own: asked `{ url, posts }`, it makes every call, 16 at a time on connections that stay open, and sends how long that took. */
const CONNECTIONS = 16

const post = (agent: Agent, url: string, { headers, body }: Post): Promise<void> =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, method: 'POST', headers: { ...headers, 'content-length': body.length } }, (incoming) => {
      incoming.once('end', () => (incoming.statusCode === 200 ? resolve() : reject(new Error(`status ${incoming.statusCode}`))))
      incoming.once('error', reject)
      incoming.resume()
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })

process.on('message', async ({ url, posts }: { url: string; posts: Post[] }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  let next = 0
  const caller = async () => {
    for (let mine = posts[next++]; mine; mine = posts[next++]) await post(agent, url, mine)
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: CONNECTIONS }, caller))
  const seconds = (performance.now() - started) / 1000
  agent.destroy()
  process.send?.({ seconds })
})
process.once('disconnect', () => process.exit())
process.send?.({ ready: true })
