import { connect, type Socket } from 'node:net'
import { answering, tell } from './children.ts'
import { CONNECTIONS, type Post } from './posts.ts'

/**
 * Callers in a process of their own: asked `{ url, posts }`, it makes every call, 16 at a time on connections that stay open, and sends how many seconds that took. The
 * first of each connection isn't timed: whoever connects is a stranger until it is known what they may. It reads no more of HTTP than it has to, so that the core that it
 * may share with the server is left to that.
 */
const requestOf = (host: string, { headers, body }: Post): Uint8Array => {
  const fields = Object.entries({ ...headers, host, 'content-length': body.length }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1'), body])
}

const open = (host: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(`http://${host}`)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })

/** Sends one request, and waits until its whole answer is there. */
const exchange = (socket: Socket, request: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    let answer: Buffer = Buffer.alloc(0)
    const read = (chunk: Buffer) => {
      answer = answer.length === 0 ? chunk : Buffer.concat([answer, chunk])
      const headEnd = answer.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const head = answer.toString('latin1', 0, headEnd)
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
      if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) done(new Error(`The server answers:\n${head}`))
      else if (answer.length === headEnd + 4 + Number(length)) done()
    }
    const closed = () => done(new Error('The server hangs up.'))
    const done = (error?: Error) => {
      socket.off('data', read).off('close', closed)
      if (error) reject(error)
      else resolve()
    }
    socket.on('data', read).once('close', closed)
    socket.write(request)
  })

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
