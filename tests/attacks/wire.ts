import { connect } from 'node:net'

/** Writes bytes to a listener as they are, and resolves with what came back when the connection ends. */
export const written = (url: string, bytes: string | Uint8Array, { end = false } = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const { port, hostname } = new URL(url)
    let answer = ''
    const socket = connect(Number(port), hostname, () => (end ? socket.end(bytes) : socket.write(bytes)))
    socket
      .on('data', (data) => (answer += data.toString('latin1')))
      .on('close', () => resolve(answer))
      .on('error', reject)
  })
