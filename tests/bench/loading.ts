import { answering, tell } from './children.ts'
import { exchange, open, requestOf } from './exchange.ts'
import { CONNECTIONS, type Post } from './posts.ts'

/**
 * Callers in a process of their own: asked `{ url, posts }`, it makes every call, 16 at a time on connections that stay open, and sends how many seconds that took. The
 * first of each connection isn't timed: whoever connects is a stranger until it is known what they may.
 */
answering(async ({ url, posts }: { url: string; posts: Post[] }) => {
  const { host } = new URL(url)
  const requests = posts.map((each) => requestOf(host, each))
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(host)))
  await Promise.all(sockets.map((socket, index) => exchange(socket, requests[index] as Uint8Array)))
  let next = CONNECTIONS
  const started = performance.now()
  await Promise.all(
    sockets.map(async (socket) => {
      for (let mine = requests[next++]; mine; mine = requests[next++]) await exchange(socket, mine)
    }),
  )
  const seconds = (performance.now() - started) / 1000
  for (const socket of sockets) socket.destroy()
  return { seconds }
})
tell({})
