import assert from 'node:assert/strict'
import {
  type Block,
  cidOf,
  decodeCar,
  encode,
  encodeCar,
  encodeVarint,
  readCarStream,
  StreamReader,
  verifyBlock,
  writeCarStream,
} from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { refuses, rejects } from './refusal.ts'

const BOUNDS = { maxBlocks: 4, maxBlockBytes: 100 }
const blockOf = (size: number, fill: number): Block => {
  const bytes = new Uint8Array(size).fill(fill)
  return { cid: cidOf(bytes), bytes }
}
const blocks = [blockOf(10, 1), blockOf(100, 2), blockOf(1, 3)]
const roots = [(blocks[0] as Block).cid]
const car = encodeCar({ roots, blocks })

const concat = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))
const header = (value: unknown) => {
  const bytes = encode(value)
  return concat(encodeVarint(bytes.length), bytes)
}
const section = (bytes: Uint8Array) => concat(encodeVarint(bytes.length), bytes)

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}
const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}
const read = (bytes: Uint8Array, bounds = BOUNDS, chunk = 7) => all(readCarStream(inChunks(bytes, chunk), bounds))
const plain = (list: readonly Block[]) => list.map(({ cid, bytes }) => [String(cid), Buffer.from(bytes).toString('hex')])

/** The same refusal from both readers. */
const bothRefuse = async (bytes: Uint8Array, name: string, details: Record<string, unknown> = {}, bounds = BOUNDS) => {
  refuses(() => decodeCar(bytes, bounds), name, details)
  await rejects(read(bytes, bounds), name, details)
}

describe('A CAR', () => {
  it('is read as it was written, whatever the chunks', async () => {
    assert.deepEqual(plain(decodeCar(car, BOUNDS).blocks), plain(blocks))
    for (const chunk of [1, 2, 3, 64, 10_000]) assert.deepEqual(plain(await read(car, BOUNDS, chunk)), plain(blocks))
    const written = await all(
      writeCarStream(
        roots,
        (async function* () {
          yield* blocks
        })(),
      ),
    )
    assert.deepEqual(concat(...written), car)
  })

  it('may hold no blocks', async () => {
    const empty = encodeCar({ roots, blocks: [] })
    assert.deepEqual(decodeCar(empty, BOUNDS).blocks, [])
    assert.deepEqual(await read(empty), [])
  })

  it('holds as many blocks as the bound says, and no more', async () => {
    const exact = { maxBlocks: 3, maxBlockBytes: 100 }
    assert.equal(decodeCar(car, exact).blocks.length, 3)
    assert.equal((await read(car, exact)).length, 3)
    await bothRefuse(car, 'TooLarge', { field: 'blocks', limit: 2 }, { maxBlocks: 2, maxBlockBytes: 100 })
  })

  it('holds blocks as large as the bound says, and no larger', async () => {
    await bothRefuse(car, 'TooLarge', { field: 'block', limit: 99, asked: 100 }, { maxBlocks: 3, maxBlockBytes: 99 })
  })

  it('has a header as large as any has to be, and no larger', async () => {
    const wide = (bytes: number) => CID.createV1(0x55, Digest.create(0, new Uint8Array(bytes)))
    const sized = (last: number) => encode({ roots: [...Array.from({ length: 99 }, () => roots[0]), wide(last)], version: 1 })
    const last = 5 + 4096 - sized(5).length
    const good = section(sized(last))
    assert.equal(sized(last).length, 4096)
    assert.equal(decodeCar(good, BOUNDS).roots.length, 100)
    assert.deepEqual(await read(good), [])
    await bothRefuse(section(sized(last + 1)), 'TooLarge', { field: 'header', limit: 4096, asked: 4097 })
  })

  it('is refused before it is read where a length claims more than the bound', async () => {
    const claims = concat(header({ roots, version: 1 }), encodeVarint(2 ** 40))
    await bothRefuse(claims, 'TooLarge', { field: 'block' })
    await bothRefuse(concat(encodeVarint(2 ** 40), new Uint8Array(10)), 'TooLarge', { field: 'header' })
  })

  it('is refused wherever it is cut', async () => {
    const clean = new Set([0])
    let end = header({ roots, version: 1 }).length
    for (const block of blocks) {
      clean.add(end)
      end += section(concat(block.cid.bytes, block.bytes)).length
    }
    assert.equal(end, car.length)
    for (let length = 0; length < car.length; length++) {
      const cut = car.slice(0, length)
      if (clean.has(length) && length > 0) assert.ok(decodeCar(cut, BOUNDS).blocks.length < 3)
      else await bothRefuse(cut, 'Malformed')
    }
  })

  it('is refused for what no CAR has', async () => {
    const good = header({ roots, version: 1 })
    await bothRefuse(header({ roots, version: 2 }), 'Unsupported')
    await bothRefuse(header({ roots: 'none', version: 1 }), 'Malformed')
    await bothRefuse(header({ roots: ['text'], version: 1 }), 'Malformed')
    await bothRefuse(header({ roots: [...roots, 'text'], version: 1 }), 'Malformed')
    await bothRefuse(header({ version: 1 }), 'Malformed')
    await bothRefuse(header(null), 'Unsupported')
    await bothRefuse(concat(good, Uint8Array.of(0)), 'Malformed')
    await bothRefuse(concat(good, Uint8Array.of(0x8a, 0)), 'NotCanonical')
    await bothRefuse(concat(good, section(Uint8Array.of(1, 0x71, 0x12, 0x20, 1, 2))), 'Malformed')
    await bothRefuse(concat(good, section(Uint8Array.of(1, 0x71, 0x12))), 'Malformed')
    await bothRefuse(concat(good, new Uint8Array(12).fill(0xff)), 'Malformed')
  })

  it('names blocks by CIDs in their one form', async () => {
    const { cid, bytes } = blocks[0] as Block
    const good = header({ roots, version: 1 })
    const long = concat(Uint8Array.of(1, 0xf1, 0x00), cid.bytes.slice(2))
    await bothRefuse(concat(good, section(concat(long, bytes))), 'NotCanonical')
    const v0 = CID.createV0(Digest.create(0x12, cid.multihash.digest))
    assert.deepEqual(plain(decodeCar(concat(good, section(concat(v0.bytes, bytes))), BOUNDS).blocks), plain([{ cid: v0, bytes }]))
  })

  it('lets its source go when its reader stops', async () => {
    let closed = false
    async function* source() {
      try {
        yield* inChunks(car, 5)
      } finally {
        closed = true
      }
    }
    for await (const block of readCarStream(source(), BOUNDS)) {
      assert.ok(block)
      break
    }
    assert.ok(closed)
  })

  it('pulls no more from its source than it was asked for', async () => {
    let pulled = 0
    const written = writeCarStream(
      roots,
      (async function* () {
        for (const block of blocks) {
          pulled++
          yield block
        }
      })(),
    ).getReader()
    await written.read()
    assert.equal(pulled, 0)
    await written.read()
    assert.equal(pulled, 1)
    await written.cancel()
  })
})

describe('A stream of bytes', () => {
  const reader = (...chunks: number[][]) =>
    new StreamReader(
      (async function* () {
        for (const chunk of chunks) yield Uint8Array.from(chunk)
      })(),
    )

  it('is taken in exact runs, over chunks and within one', async () => {
    const stream = reader([1, 2, 3], [], [4], [5, 6, 7])
    assert.deepEqual(await stream.take(2), Uint8Array.of(1, 2))
    assert.deepEqual(await stream.take(3), Uint8Array.of(3, 4, 5))
    assert.deepEqual(await stream.part(9), Uint8Array.of(6, 7))
    assert.equal(await stream.take(1), undefined)
    assert.equal(await stream.part(1), undefined)
  })

  it('is taken as it came, up to so many bytes', async () => {
    const stream = reader([], [1, 2, 3], [4, 5])
    const parts = [await stream.part(2), await stream.part(9), await stream.part(2)]
    assert.deepEqual(parts, [Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4, 5)])
  })

  it('is cut into sections behind their lengths', async () => {
    const stream = reader([2], [9, 9, 1], [8])
    assert.deepEqual(await stream.section(10, 'frame'), Uint8Array.of(9, 9))
    assert.deepEqual(await stream.section(10, 'frame'), Uint8Array.of(8))
    assert.equal(await stream.section(10, 'frame'), undefined)
  })

  it('is refused where a section is cut, empty, over its bound, or longer written than needed', async () => {
    await rejects(reader([5, 1, 2]).section(10, 'frame'), 'Malformed')
    await rejects(reader([0x80]).section(10, 'frame'), 'Malformed')
    await rejects(reader([0]).section(10, 'frame'), 'Malformed')
    await rejects(reader([11]).section(10, 'frame'), 'TooLarge', { field: 'frame', limit: 10, asked: 11 })
    await rejects(reader([0x81, 0]).section(10, 'frame'), 'NotCanonical')
    await rejects(reader(new Array(20).fill(0xff)).section(10, 'frame'), 'Malformed')
  })
})

describe('A block', () => {
  it('is its CID’s own, by sha2-256, sha2-512 or identity', async () => {
    const { cid, bytes } = blocks[0] as Block
    verifyBlock({ cid, bytes })
    verifyBlock({ cid: CID.createV1(0x55, Digest.create(0, bytes)), bytes })
    const sha512 = new Uint8Array(await crypto.subtle.digest('SHA-512', bytes as Uint8Array<ArrayBuffer>))
    verifyBlock({ cid: CID.createV1(0x55, Digest.create(0x13, sha512)), bytes })
    refuses(() => verifyBlock({ cid, bytes: bytes.map((byte) => byte + 1) }), 'BadHash', { link: String(cid) })
    refuses(() => verifyBlock({ cid: CID.createV1(0x55, Digest.create(0x11, new Uint8Array(20))), bytes }), 'Unsupported')
  })
})
