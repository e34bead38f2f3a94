import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CAR_TYPE, type Door, Failure, httpChannel, httpListener } from '@symbiosis/protocol'

/** What browsers do who can't stream upwards: `tests/browser` has a real one. */
describe('an upload that is gathered before it is sent', () => {
  let server: Server
  let url: string
  const taken: Uint8Array[] = []
  const heads: IncomingHttpHeaders[] = []

  const door: Door = async ({ message, body }) => {
    for await (const chunk of body as AsyncIterable<Uint8Array>) taken.push(chunk.slice())
    return { message }
  }

  before(async () => {
    const listener = httpListener(door, { maxMessageBytes: 1024 })
    server = createServer((request, response) => {
      heads.push(request.headers)
      void listener(request, response)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  beforeEach(() => {
    taken.length = 0
    heads.length = 0
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  const open = (body: ReadableStream<Uint8Array>, signal?: AbortSignal) =>
    httpChannel(url, fetch, true).open(Uint8Array.of(1, 2, 3), { body, ...(signal && { signal }) })

  it('arrives whole, behind its message', async () => {
    const bytes = new Uint8Array(3 * 1024 * 1024).map((_, at) => at)
    const { message } = await open(new Blob([bytes]).stream())
    assert.deepEqual([...message], [1, 2, 3])
    assert.deepEqual(Buffer.concat(taken), Buffer.from(bytes))
    assert.ok(Number(heads[0]?.['content-length']) > bytes.length, 'it says how long it is, and so is no stream')
    assert.equal(heads[0]?.accept?.includes(CAR_TYPE), true)
  })

  it('is not sent at all where it breaks', async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('It broke.')),
    })
    await assert.rejects(open(broken), Failure)
    assert.deepEqual(heads, [])
  })

  it('lets its source go for who cancels', async () => {
    const cancelled = Promise.withResolvers<void>()
    const endless = new ReadableStream<Uint8Array>({ cancel: () => cancelled.resolve() })
    const aborter = new AbortController()
    const answer = open(endless, aborter.signal)
    answer.catch(() => {})
    aborter.abort()
    await assert.rejects(answer, { name: 'AbortError' })
    await cancelled.promise
    assert.deepEqual(heads, [])
  })
})
