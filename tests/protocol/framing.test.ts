import assert from 'node:assert/strict'
import { BrokenOff, Failure, streamFrom } from '@symbiosis/protocol'
import { framed, unframed } from '../../protocol/channels/framing.ts'
import { Random } from '../fuzz/random.ts'

const MESSAGE = Uint8Array.of(1, 2, 3)
const RECEIPTS = new Uint8Array(200).fill(9)

const from = (chunks: readonly Uint8Array[], last?: unknown): ReadableStream<Uint8Array> => {
  async function* each() {
    yield* chunks
    if (last) throw last
  }
  return streamFrom(each())
}

const collected = async (stream: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

/** What a body says: its bytes, and `whole`, `broken off`, or the code of what is wrong with it. */
const read = async (chunks: readonly Uint8Array[]): Promise<{ bytes: Uint8Array; end: string }> => {
  const bytes: Uint8Array[] = []
  const said = (end: string) => ({ bytes: Buffer.concat(bytes), end })
  try {
    const { body } = await unframed(from(chunks), { maxMessageBytes: 10 })
    for await (const chunk of body as ReadableStream<Uint8Array>) bytes.push(chunk)
    return said('whole')
  } catch (thrown) {
    if (thrown instanceof Failure) return said(thrown.name)
    assert.ok(thrown instanceof BrokenOff)
    assert.deepEqual(thrown.receipts, RECEIPTS)
    return said('broken off')
  }
}

const split = (whole: Uint8Array, random: Random): Uint8Array[] => {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < whole.length; ) {
    const next = at + random.below(1 + random.below(40))
    chunks.push(whole.subarray(at, next))
    at = next
  }
  return chunks
}

describe('the frames of a stream', () => {
  it('say the same however they are split, and nothing whole wherever they are cut', async () => {
    const random = new Random(1, 0)
    for (let round = 0; round < 60; round++) {
      const sent = Array.from({ length: random.below(6) }, () => new Uint8Array(random.below(300)).fill(random.below(256)))
      const end = round % 2 === 0 ? 'whole' : 'broken off'
      const body = Buffer.concat(await collected(framed(MESSAGE, from(sent, round % 2 === 0 ? undefined : new BrokenOff(RECEIPTS)))))
      const bytes = Buffer.concat(sent)
      assert.deepEqual(await read(split(body, random)), { bytes, end })
      for (let cut = 0; cut < 10; cut++) {
        const part = body.subarray(0, random.below(body.length))
        const { bytes: got, end: seen } = await read(split(part, random))
        assert.ok(bytes.subarray(0, got.length).equals(got))
        assert.equal(seen, 'Malformed')
      }
    }
  })

  it('are never anything but a stream, its end, or a code', async () => {
    const random = new Random(2, 0)
    const body = Buffer.concat(await collected(framed(MESSAGE, from([new Uint8Array(50), new Uint8Array(200)], new BrokenOff(RECEIPTS)))))
    const ends = new Set<string>()
    for (let round = 0; round < 500; round++) {
      const bent = Uint8Array.from(body)
      const places = [0, 1, 4, 55, 56, 257, 258, 259]
      bent[random.chance(0.7) ? random.pick(places) : random.below(bent.length)] = random.below(256)
      const { bytes, end } = await read(split(bent, random)).catch((thrown: unknown) => {
        assert.ok(thrown instanceof assert.AssertionError, String(thrown))
        return { bytes: new Uint8Array(), end: 'other receipts' }
      })
      assert.ok(bytes.length <= body.length)
      ends.add(end)
    }
    for (const end of ends) assert.match(end, /^(broken off|other receipts|Malformed|TooLarge|NotCanonical|whole)$/)
    assert.ok(ends.size >= 4, [...ends].join())
  })

  it('pass on chunks as they are, in as many frames as the bound asks for', async () => {
    const large = new Uint8Array(2.5 * 1024 * 1024)
    const parts = await collected(framed(MESSAGE, from([large, new Uint8Array(0), Uint8Array.of(1)])))
    const own = parts.filter(({ buffer }) => buffer === large.buffer)
    assert.deepEqual(
      own.map(({ length }) => length / 1024 / 1024),
      [1, 1, 0.5],
    )
    const [first] = await collected(
      (await unframed(from([Buffer.concat(parts)]), { maxMessageBytes: 10 })).body as ReadableStream<Uint8Array>,
    )
    assert.equal(first?.length, 1024 * 1024)
  })

  it('are bounded by whoever reads them', async () => {
    const { body } = await unframed(framed(MESSAGE, from([new Uint8Array(101)])), { maxMessageBytes: 10, maxFrameBytes: 100 })
    await assert.rejects(collected(body as ReadableStream<Uint8Array>), (thrown) => {
      assert.ok(thrown instanceof Failure)
      assert.deepEqual([thrown.name, thrown.details.field, thrown.details.limit], ['TooLarge', 'frame', 100])
      return true
    })
  })

  it('let go of their source at once, and of who waits for it', async () => {
    let cancelled = 0
    const idle = new ReadableStream<Uint8Array>({
      cancel: () => {
        cancelled++
      },
    })
    const reader = framed(MESSAGE, idle).getReader()
    await reader.read()
    await reader.read()
    const waiting = reader.read()
    await reader.cancel()
    assert.equal((await waiting).done, true)
    assert.equal(cancelled, 1)
  })
})
