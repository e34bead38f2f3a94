import assert from 'node:assert/strict'
import { CarReader, CarWriter } from '@ipld/car'
import { type Block, cidOf, decodeCar, encodeCar, readCarStream, writeCarStream } from '@symbiosis/protocol'
import fc from 'fast-check'
import type { CID } from 'multiformats/cid'
import { anyLink, SEED } from './values.ts'

const BOUNDS = { maxBlocks: 100, maxBlockBytes: 1 << 20 }

const anyBlock: fc.Arbitrary<Block> = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => ({ cid: cidOf(bytes), bytes })),
  // A CAR doesn't care what a CID says of its bytes.
  fc.record({ cid: anyLink, bytes: fc.uint8Array({ maxLength: 300 }) }),
)
const anyCar = fc.record({ roots: fc.array(anyLink, { maxLength: 3 }), blocks: fc.array(anyBlock, { maxLength: 8 }) })

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

const stockEncode = async (roots: CID[], blocks: Block[]): Promise<Buffer> => {
  const { writer, out } = CarWriter.create(roots as never)
  const written = all(out)
  for (const block of blocks) await writer.put(block as never)
  await writer.close()
  return Buffer.concat(await written)
}

const plain = (blocks: readonly { cid: { toString(): string }; bytes: Uint8Array }[]) =>
  blocks.map(({ cid, bytes }) => [String(cid), Buffer.from(bytes).toString('hex')])

describe('CAR, against @ipld/car', () => {
  it('writes the same bytes, whole and as a stream', async () => {
    await fc.assert(
      fc.asyncProperty(anyCar, async ({ roots, blocks }) => {
        const its = await stockEncode(roots, blocks)
        assert.deepEqual(Buffer.from(encodeCar({ roots, blocks })), its)
        const streamed = await all(writeCarStream(roots, from(blocks)))
        assert.deepEqual(Buffer.concat(streamed), its)
      }),
      { seed: SEED, numRuns: 300 },
    )
  })

  it('reads the same roots and blocks, whole and as a stream', async () => {
    await fc.assert(
      fc.asyncProperty(anyCar, fc.integer({ min: 1, max: 64 }), async ({ roots, blocks }, chunk) => {
        const bytes = await stockEncode(roots, blocks)
        const reader = await CarReader.fromBytes(bytes)
        const its = await all(reader.blocks())
        const mine = decodeCar(bytes, BOUNDS)
        assert.deepEqual(mine.roots.map(String), (await reader.getRoots()).map(String))
        assert.deepEqual(plain(mine.blocks), plain(its as never))
        assert.deepEqual(plain(await all(readCarStream(inChunks(bytes, chunk), BOUNDS))), plain(its as never))
      }),
      { seed: SEED, numRuns: 300 },
    )
  })
})

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
