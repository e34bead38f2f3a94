import assert from 'node:assert/strict'
import { BrokenOff, type Channel, type Door, decodeReceipts, Failure, isAbort, readReceipt, type Ucan } from '@symbiosis/protocol'
import { CarriedHost, type Watch, watch } from './carried.ts'
import { folders, type Runner } from './runner.ts'

/** A kind of channel under test: both its ends, around a door. */
export interface ChannelSetup {
  /** Opens the host's end and gives the caller's; `close` ends both. */
  connect(door: Door): Promise<{ channel: Channel; close(): Promise<void> }>
  /** Bytes that the channel may hold on its way between a source and a reader that stands still. */
  holds: number
}

const MiB = 1024 * 1024

/** The longest message that the host of the suite takes: give it to the host's end of the channel. */
export const MAX_MESSAGE_BYTES = 4 * MiB

/**
 * What every channel does. Run it on yours: `runChannelTests(runner, 'WebRTC', { connect, holds })`. The host's end takes messages up to
 * `MAX_MESSAGE_BYTES`.
 */
export const runChannelTests = (runner: Runner, name: string, { connect, holds }: ChannelSetup): void => {
  const { describe, it, before, after } = runner
  describe(`a channel: ${name}`, () => {
    const folder = folders(runner)
    const seen: Watch = watch()
    let host: CarriedHost
    let channel: Channel
    let close: (() => Promise<void>) | undefined

    before(async () => {
      host = await CarriedHost.open(folder(), seen, MAX_MESSAGE_BYTES)
      ;({ channel, close } = await connect(host.door))
    })
    after(async () => {
      await close?.()
      await host?.close()
    })

    const made = (can: string, nb: Record<string, unknown>) => host.call(can, nb)
    const outOf = (message: Uint8Array, call: Ucan) => {
      const block = decodeReceipts(message).get(String(call.cid))
      assert.ok(block)
      return readReceipt<Record<string, unknown>>(block, call.cid, host.did).out
    }
    const request = async (can: string, nb: Record<string, unknown> = {}, signal?: AbortSignal) => {
      const { call, message } = await made(can, nb)
      return outOf(await channel.request(message, { ...(signal && { signal }) }), call)
    }
    const bytesOf = (total: number, chunk = 64 * 1024, counted = { read: 0, cancelled: 0 }) =>
      new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (counted.read >= total) return controller.close()
            const size = Math.min(chunk, total - counted.read)
            counted.read += size
            controller.enqueue(new Uint8Array(size).fill(7))
          },
          cancel() {
            counted.cancelled++
          },
        },
        { highWaterMark: 0 },
      )
    const until = async (condition: () => boolean, what: string) => {
      for (let tries = 0; tries < 300; tries++) {
        if (condition()) return
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      assert.fail(`waited in vain: ${what}`)
    }

    it('says where it leads', () => assert.match(channel.url, /^[a-z-]+:/))

    it('carries a call and its receipt', async () => assert.deepEqual(await request('parcel/look'), { ok: {} }))

    it('carries many at a time, each to its own', async () => {
      const sizes = Array.from({ length: 64 }, (_, at) => at)
      const answers = await Promise.all(sizes.map((size) => request('parcel/weigh', { thing: `t${size}`, size })))
      assert.deepEqual(
        answers.map(({ ok }) => ok?.size),
        sizes,
      )
    })

    it('leaves the bytes of a message to the caller', async () => {
      const { call, message } = await made('parcel/look', {})
      const before = new Uint8Array(message)
      outOf(await channel.request(message), call)
      assert.deepEqual(message, before)
    })

    it('carries refusals with a receipt as receipts', async () => {
      const { error } = await request('parcel/nothing')
      assert.equal(error?.name, 'UnknownAbility')
      assert.equal(typeof error?.hint === 'string' || error?.hint === undefined, true)
    })

    it('throws refusals without one, with their code and details', async () => {
      await assert.rejects(channel.request(new Uint8Array(20)), (error) => error instanceof Failure && error.name === 'Malformed')
      await assert.rejects(channel.open(new Uint8Array(20)), (error) => error instanceof Failure && error.name === 'Malformed')
      const { message } = await made('parcel/look', {})
      const large = new Uint8Array(MAX_MESSAGE_BYTES + 1)
      large.set(message)
      const isTooLarge = (error: unknown) =>
        error instanceof Failure &&
        error.name === 'TooLarge' &&
        error.details.field === 'messageBytes' &&
        error.details.limit === MAX_MESSAGE_BYTES
      await assert.rejects(channel.request(large), isTooLarge)
    })

    it('carries large messages', async () => {
      const thing = 'x'.repeat(4096)
      const { call, message } = await made('parcel/weigh', { thing, size: 0 })
      assert.deepEqual(outOf(await channel.request(message), call).ok, { size: 0 })
    })

    it('carries a stream to the host', async () => {
      const { call, message } = await made('parcel/fill', {})
      const answer = await channel.open(message, { body: bytesOf(20 * MiB) })
      assert.deepEqual(outOf(answer.message, call).ok, { bytes: 20 * MiB })
    })

    it('carries an empty stream to the host', async () => {
      const { call, message } = await made('parcel/fill', {})
      const answer = await channel.open(message, { body: bytesOf(0) })
      assert.deepEqual(outOf(answer.message, call).ok, { bytes: 0 })
    })

    it('carries a stream from the host, in order', async () => {
      const { call, message } = await made('parcel/pour', { bytes: 20 * MiB + 5 })
      const answer = await channel.open(message)
      assert.deepEqual(outOf(answer.message, call).ok, { bytes: 20 * MiB + 5 })
      let bytes = 0
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) bytes += chunk.length
      assert.equal(bytes, 20 * MiB + 5)
    })

    it('opens a call without streams, too', async () => {
      const { call, message } = await made('parcel/look', {})
      const answer = await channel.open(message)
      assert.ok(outOf(answer.message, call).ok)
      assert.equal(answer.body, undefined)
    })

    it('carries no stream for who did not ask for one', async () => {
      const { error } = await request('parcel/pour', { bytes: 10 })
      assert.equal(error?.name, 'Unsupported')
    })

    it('tells the receipt of a handler that stops listening', async () => {
      const counted = { read: 0, cancelled: 0 }
      const { call, message } = await made('parcel/fill', { stopAt: 100_000 })
      const answer = await channel.open(message, { body: bytesOf(200 * MiB, 64 * 1024, counted) })
      assert.equal(outOf(answer.message, call).error?.name, 'Full')
      assert.ok(counted.read < 200 * MiB, 'all of it was sent')
    })

    it('holds a source back for a slow reader', async () => {
      seen.poured = 0
      const { message } = await made('parcel/pour', { bytes: 200 * MiB })
      const { body } = await channel.open(message)
      const reader = (body as ReadableStream<Uint8Array>).getReader()
      let read = 0
      for (let chunks = 0; chunks < 5; chunks++) read += (await reader.read()).value?.length ?? 0
      await new Promise((resolve) => setTimeout(resolve, 300))
      assert.ok(seen.poured <= read + holds, `${seen.poured} bytes were made for ${read} that were read`)
      const released = seen.released
      await reader.cancel()
      await until(() => seen.released > released, 'the source lives on after its reader left')
    })

    it('holds an upload back for a slow handler', async () => {
      const counted = { read: 0, cancelled: 0 }
      const aborter = new AbortController()
      const { message } = await made('parcel/wait', {})
      const answer = channel.open(message, { body: bytesOf(200 * MiB, 64 * 1024, counted), signal: aborter.signal })
      answer.catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 300))
      assert.ok(counted.read <= holds, `${counted.read} bytes were sent to who reads none`)
      aborter.abort()
      await assert.rejects(answer)
      await until(() => counted.cancelled > 0, 'the upload is not let go')
    })

    it('has a cancelled call reach the handler, and throws at the caller', async () => {
      const aborter = new AbortController()
      const [runs, aborted] = [seen.runs.wait ?? 0, seen.aborted]
      const answer = request('parcel/wait', {}, aborter.signal)
      await until(() => (seen.runs.wait ?? 0) > runs, 'the handler does not run')
      aborter.abort()
      await assert.rejects(answer, (error) => isAbort(error) || (error instanceof Failure && error.name === 'Cancelled'))
      await until(() => seen.aborted > aborted, 'the handler is not told')
      assert.ok((await request('parcel/look')).ok, 'the channel is still good')
    })

    it('sends nothing for who cancelled before', async () => {
      const runs = seen.runs.look
      await assert.rejects(request('parcel/look', {}, AbortSignal.abort()), (error) => isAbort(error) || error instanceof Failure)
      assert.equal(seen.runs.look, runs)
    })

    it('ends a stream that is cancelled by its signal', async () => {
      const aborter = new AbortController()
      const released = seen.released
      const { message } = await made('parcel/pour', { bytes: 200 * MiB })
      const { body } = await channel.open(message, { signal: aborter.signal })
      const reader = (body as ReadableStream<Uint8Array>).getReader()
      await reader.read()
      aborter.abort()
      await assert.rejects(async () => {
        while (!(await reader.read()).done);
      })
      await until(() => seen.released > released, 'the source lives on')
    })

    it('carries why the host breaks a stream off, as the host signed it', async () => {
      const leases = await host.lease()
      const { call, message } = await host.call('parcel/pour', { bytes: 200 * MiB }, leases)
      const { body } = await channel.open(message)
      const reader = (body as ReadableStream<Uint8Array>).getReader()
      await reader.read()
      await host.revoke(leases)
      await assert.rejects(
        async () => {
          while (!(await reader.read()).done);
        },
        (thrown) => thrown instanceof BrokenOff && outOf(thrown.receipts, call).error?.name === 'Revoked',
      )
    })

    it('takes no upload for whole that breaks off', async () => {
      const ends: string[] = []
      const door: Door = async ({ body }) => {
        try {
          for await (const _ of body as AsyncIterable<Uint8Array>);
          ends.push('whole')
        } catch (thrown) {
          ends.push(thrown instanceof Failure ? thrown.name : String(thrown))
        }
        throw new Failure('Denied', 'It was only looked at.')
      }
      const other = await connect(door)
      try {
        for (const chunks of [0, 1, 3]) {
          let left = chunks
          const broken = new ReadableStream<Uint8Array>({
            async pull(controller) {
              if (left-- > 0) return controller.enqueue(new Uint8Array(1000))
              // What broke before anything was sent, no host would hear of.
              await new Promise((resolve) => setTimeout(resolve, 50))
              throw new Error('It broke.')
            },
          })
          await assert.rejects(other.channel.open(Uint8Array.of(1), { body: broken }))
          await until(() => ends.length > 0, 'the host is not told')
          assert.deepEqual(ends.splice(0), ['Cancelled'])
        }
        await assert.rejects(other.channel.open(Uint8Array.of(1), { body: new Blob([new Uint8Array(9)]).stream() }))
        assert.deepEqual(ends, ['whole'])
      } finally {
        await other.close()
      }
    })
  })
}
