import { connect, type Socket } from 'node:net'
import type { Post } from './posts.ts'

/** One request as its bytes. */
export const requestOf = (host: string, { headers, body }: Post): Uint8Array => {
  const fields = Object.entries({ ...headers, host, 'content-length': body.length }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1'), body])
}

export const open = (host: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(`http://${host}`)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })

/** Sends one request, waits until its whole answer is there, and gives its status. It reads no more of HTTP than it has to. */
export const send = (socket: Socket, request: Uint8Array): Promise<number> =>
  new Promise((resolve, reject) => {
    let answer: Buffer = Buffer.alloc(0)
    const read = (chunk: Buffer) => {
      answer = answer.length === 0 ? chunk : Buffer.concat([answer, chunk])
      const headEnd = answer.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const head = answer.toString('latin1', 0, headEnd)
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
      if (length === undefined) done(new Error(`The server answers:\n${head}`))
      else if (answer.length === headEnd + 4 + Number(length)) done(undefined, Number(head.slice(9, 12)))
    }
    const closed = () => done(new Error('The server hangs up.'))
    const done = (error?: Error, status = 0) => {
      socket.off('data', read).off('close', closed)
      if (error) reject(error)
      else resolve(status)
    }
    socket.on('data', read).once('close', closed)
    socket.write(request)
  })

/** The same, where nothing but an answer will do. */
export const exchange = async (socket: Socket, request: Uint8Array): Promise<void> => {
  const status = await send(socket, request)
  if (status !== 200) throw new Error(`The server answers ${status}.`)
}
