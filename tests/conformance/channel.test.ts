import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { MAX_MESSAGE_BYTES, runChannelTests } from '@symbiosis/conformance'
import { type Door, Failure, httpChannel, httpListener, inProcessChannel } from '@symbiosis/protocol'
import { unixChannel, unixServer } from '@symbiosis/protocol/unix'
import { folders } from '../fixtures.ts'
import { mocha } from './mocha.ts'

const MiB = 1024 * 1024
const options = { maxMessageBytes: MAX_MESSAGE_BYTES }
const folder = folders()

runChannelTests(mocha, 'in-process', {
  connect: async (door) => ({ channel: inProcessChannel(door), close: async () => {} }),
  holds: MiB,
})

runChannelTests(mocha, 'HTTP', {
  connect: async (door: Door) => {
    const server = createServer(httpListener(door, options))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    return { channel: httpChannel(`http://127.0.0.1:${port}`), close: () => ended(server) }
  },
  // The buffers of two sockets, which the operating system sizes as it sees fit.
  holds: 16 * MiB,
})

runChannelTests(mocha, 'Unix socket', {
  connect: async (door: Door) => {
    const server = unixServer(door, options)
    const path = join(folder(), 'host.sock')
    await new Promise<void>((resolve) => server.listen(path, resolve))
    return { channel: unixChannel(path), close: () => ended(server) }
  },
  holds: 4 * MiB,
})

const ended = (server: ReturnType<typeof createServer>) =>
  new Promise<void>((resolve) => {
    server.closeAllConnections()
    server.close(() => resolve())
  })

describe('a channel to nowhere', () => {
  const isUnavailable = (error: unknown) => error instanceof Failure && error.name === 'Unavailable'

  it('says that the host is unreachable', async () => {
    await assert.rejects(httpChannel('http://127.0.0.1:1').request(new Uint8Array(1)), isUnavailable)
    await assert.rejects(unixChannel(join(folder(), 'nothing.sock')).request(new Uint8Array(1)), isUnavailable)
  })

  it('says so of a server that breaks off, and of one that is no host', async () => {
    const answers = [
      (_: unknown, response: { destroy(): void }) => response.destroy(),
      (_: unknown, response: { end(text: string): void }) => response.end('hello'),
      (_: unknown, response: { writeHead(status: number): { end(text: string): void } }) => response.writeHead(502).end('<html>'),
    ]
    for (const [at, answer] of answers.entries()) {
      const server = createServer(answer as never)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      const code = at === 1 ? 'Unsupported' : 'Unavailable'
      await assert.rejects(
        httpChannel(`http://127.0.0.1:${port}`).request(new Uint8Array(1)),
        (error) => error instanceof Failure && error.name === code,
      )
      await ended(server)
    }
  })
})
