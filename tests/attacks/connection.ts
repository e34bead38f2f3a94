import { connect, type Socket } from 'node:net'
import { CAR_TYPE, STREAM_TYPE } from '@symbiosis/protocol'

/** One connection that stays open, as callers keep theirs. */
export class Connection {
  readonly socket: Socket
  readonly #url: string
  closed = false

  private constructor(url: string, socket: Socket) {
    this.#url = url
    this.socket = socket
    // Who doesn't read doesn't hear of the end, either.
    socket.resume()
    socket.on('error', () => {}).once('close', () => (this.closed = true))
  }

  static async open(url: string): Promise<Connection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Connection(url, socket)
  }

  write(bytes: string | Uint8Array): this {
    if (this.socket.writable) this.socket.write(bytes)
    return this
  }

  /** The next whole answer. */
  answer(): Promise<{ status: number; body: Buffer }> {
    return new Promise((resolve, reject) => {
      let bytes = Buffer.alloc(0)
      const closed = () => reject(new Error(`${this.#url} hangs up.`))
      const read = (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk])
        const head = bytes.indexOf('\r\n\r\n')
        const length = head < 0 ? undefined : /content-length: *(\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1]
        if (length === undefined || bytes.length < head + 4 + Number(length)) return
        this.socket.off('data', read).off('close', closed)
        resolve({ status: Number(bytes.toString('latin1', 9, 12)), body: bytes.subarray(head + 4) })
      }
      this.socket.on('data', read).once('close', closed)
    })
  }

  post(message: Uint8Array): Promise<{ status: number; body: Buffer }> {
    const answer = this.answer()
    this.write(Buffer.concat([Buffer.from(`${HEAD}content-length: ${message.length}\r\n\r\n`), message]))
    return answer
  }
}

/** What a request with a message begins with, its length apart. */
export const HEAD = `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: ${CAR_TYPE}\r\naccept: ${CAR_TYPE}, ${STREAM_TYPE}\r\n`
