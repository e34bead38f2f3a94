import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way between two hosts that can be cut. */
export interface Relay extends AsyncDisposable {
  readonly url: string
  /** Where it leads, once that is known. */
  to(url: string): void
  cut(): void
  heal(): void
}

export const relay = async (): Promise<Relay> => {
  const sockets = new Set<Socket>()
  let port: number | undefined
  let isCut = false
  const server = createServer((incoming) => {
    if (isCut || port === undefined) return incoming.destroy()
    const outgoing = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one
        .on('error', () => {})
        .once('close', () => {
          sockets.delete(one)
          other.destroy()
        })
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const end = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    to: (url) => {
      port = Number(new URL(url).port)
    },
    cut: () => {
      isCut = true
      end()
    },
    heal: () => {
      isCut = false
    },
    async [Symbol.asyncDispose]() {
      server.close()
      end()
    },
  }
}
