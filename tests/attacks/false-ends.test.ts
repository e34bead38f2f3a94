import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import {
  BrokenOff,
  type Channel,
  cidOf,
  decodeReceipts,
  encodeReceipts,
  Failure,
  httpChannel,
  invoke,
  issueReceipt,
  type LocalSigner,
  STREAM_TYPE,
} from '@symbiosis/protocol'
import { unixChannel } from '@symbiosis/protocol/unix'
import { CID } from 'multiformats/cid'
import { alice, folders, mallory, setTheStage } from '../fixtures.ts'
import { blockOf } from './bent.ts'
import { jar } from './jar.ts'

const BYTES = 100_000

/** Whoever is between a host and its caller can break a stream, as they can break anything. They can't end it in the host's name. */
describe('the end of a stream', () => {
  const stage = setTheStage()
  const folder = folders()
  const servers: ReturnType<typeof createServer>[] = []
  after(() => {
    for (const server of servers) server.closeAllConnections()
    for (const server of servers) server.close()
  })

  /** Reads a stream that comes through somebody's hands: `whole`, or the code that it breaks off with. */
  const readThrough = async (channel: Channel): Promise<string> => {
    const { world, lease } = stage
    const caller = { signer: alice, host: world.did, subject: alice.did, proofs: [lease], channel, now: () => world.now }
    try {
      const { body } = await invoke(caller, jar, 'pour', { bytes: BYTES })
      for await (const _ of body as AsyncIterable<Uint8Array>);
      return 'whole'
    } catch (thrown) {
      if (thrown instanceof Failure) return thrown.name
      throw thrown
    }
  }

  describe('that is told in the place of the host', () => {
    /** Breaks the stream off after its first chunk, with what is made of the first receipt. */
    const ending = (made: (ran: CID, first: Uint8Array) => Uint8Array): Channel => ({
      ...stage.world.channel,
      open: async (...call) => {
        const { message, body } = await stage.world.channel.open(...call)
        const [ran] = [...decodeReceipts(message).keys()]
        let chunks = 1
        const passing = new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            if (chunks-- > 0) controller.enqueue(chunk)
            else controller.error(new BrokenOff(made(CID.parse(ran as string), message)))
          },
        })
        return { message, ...(body && { body: body.pipeThrough(passing) }) }
      },
    })
    const told = (signer: LocalSigner, ran: CID, about = ran) =>
      encodeReceipts([{ ran, block: issueReceipt(signer, about, { error: { name: 'Revoked', message: 'It was revoked.' } }) }])

    it('is believed where the host has signed it', async () =>
      assert.equal(await readThrough(ending((ran) => told(stage.world.signer, ran))), 'Revoked'))

    it('is refused where another has signed it', async () => {
      assert.equal(await readThrough(ending((ran) => told(mallory, ran))), 'WrongAudience')
      const inItsName = (ran: CID) => {
        const { did } = stage.world
        const block = issueReceipt({ ...mallory, did, sign: (bytes) => mallory.sign(bytes) } as LocalSigner, ran, {
          error: { name: 'Revoked', message: 'It was revoked.' },
        })
        return encodeReceipts([{ ran, block: blockOf(block.bytes) }])
      }
      assert.equal(await readThrough(ending(inItsName)), 'BadSignature')
    })

    it('is refused where it is of another call, however true', async () => {
      const other = cidOf(Uint8Array.of(1))
      assert.equal(await readThrough(ending((ran) => told(stage.world.signer, ran, other))), 'WrongAudience')
      assert.equal(await readThrough(ending(() => told(stage.world.signer, other))), 'Malformed')
    })

    it('is refused where it is the first receipt again', async () =>
      assert.equal(await readThrough(ending((_, first) => first)), 'Malformed'))

    it('is refused where it is no message', async () => {
      for (const bytes of [new Uint8Array(), new Uint8Array(10), Uint8Array.of(3, 1, 2)])
        assert.equal(await readThrough(ending(() => bytes)), 'Malformed')
    })
  })

  describe('that is left out', () => {
    let url: string
    /** How many bytes of the host's answer pass, and whether the connection ends in order behind them. */
    let most = Number.POSITIVE_INFINITY
    let inOrder = true

    before(async () => {
      const listener = await stage.world.host.listen()
      const proxy = createServer(async (request, response) => {
        const body = await new Response(request as unknown as ReadableStream).arrayBuffer()
        const { 'content-type': type = '', accept = '' } = request.headers
        const answer = await fetch(listener.url as string, { method: 'POST', headers: { 'content-type': type, accept }, body })
        const whole = new Uint8Array(await answer.arrayBuffer())
        const passed = whole.subarray(0, Math.min(most, whole.length + most))
        response.writeHead(200, { 'content-type': answer.headers.get('content-type') ?? '' })
        if (inOrder) response.end(passed)
        else response.write(passed, () => response.destroy())
      })
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
      servers.push(proxy)
      url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    })
    const passing = (bytes: number, order: boolean): Promise<string> => {
      most = bytes
      inOrder = order
      return readThrough(httpChannel(url))
    }

    it('makes a stream no whole one, wherever it is cut', async () => {
      assert.equal(await passing(Number.POSITIVE_INFINITY, true), 'whole')
      // From the last byte, which is the end itself, to the middle of the receipt.
      for (const left of [1, 2, 3, 1000, BYTES - 1, BYTES, BYTES + 2, BYTES + 50])
        assert.equal(await passing(-left, true), 'Malformed', `${left}`)
    })

    it('is the end of a connection where that breaks', async () => {
      for (const left of [1, 1000, BYTES]) assert.equal(await passing(-left, false), 'Unavailable', `${left}`)
    })
  })

  it('is not made up for an upload that is answered before its end', async () => {
    let sent = new Uint8Array(0)
    const { promise: answered, resolve } = Promise.withResolvers<void>()
    // Answers as soon as the message is there, as a proxy could, and passes on what comes until the body is at its end.
    const server = createServer(async (request, response) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request) {
        chunks.push(chunk)
        if (!response.writableEnded) response.writeHead(200, { 'content-type': 'application/vnd.ipld.car' }).end('answer')
      }
      sent = Buffer.concat(chunks)
      resolve()
    })
    const path = join(folder(), 's')
    await new Promise<void>((listening) => server.listen(path, listening))
    servers.push(server)
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(Uint8Array.of(7, 8)) })
    // `fetch` breaks the connection by itself then.
    await unixChannel(path).open(Uint8Array.of(1), { body })
    await answered
    assert.deepEqual([...sent], [1, 1, 2, 7, 8])
  })

  it('is nowhere but at the end', async () => {
    const frames = (...frames: readonly number[][]) => {
      const body = Uint8Array.from([1, 0, ...frames.flat()])
      return httpChannel('http://x', async () => new Response(body, { headers: { 'content-type': STREAM_TYPE } }))
    }
    const read = async (channel: Channel): Promise<string> => {
      const { body } = await channel.open(Uint8Array.of(1))
      try {
        return (await new Response(body).bytes()).toString()
      } catch (thrown) {
        return (thrown as Error).name
      }
    }
    assert.equal(await read(frames([2, 7, 8], [1, 9], [0], [0])), '7,8,9')
    assert.equal(await read(frames([2, 7, 8], [0])), 'Malformed')
    assert.equal(await read(frames([2, 7, 8], [0], [2, 1])), 'Malformed')
    assert.equal(await read(frames([2, 7, 8], [0], [1, 9], [1])), 'Malformed')
    assert.equal(await read(frames([2, 7, 8], [0], [0], [0])), 'Malformed')
    assert.equal(await read(frames([2, 7, 8], [0x80, 0])), 'NotCanonical')
    // A frame of a mebibyte and one byte, and an ending of 64 KiB and one.
    assert.equal(await read(frames([0x81, 0x80, 0x40, 7])), 'TooLarge')
    assert.equal(await read(frames([0], [0x81, 0x80, 0x04, 7])), 'TooLarge')
  })
})
