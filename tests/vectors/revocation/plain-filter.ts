import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { readCbor } from '../strict.ts'
import { refuse } from './plain-formats.ts'
import { mth } from './plain-tree.ts'

/** A second reading of the filter, slowly: bits are text, numbers have no end, and each step is done to all keys before the next. None of it is the protocol's code. */
const MOST_KEYS = 65_536
const SKEW = 60

const binary = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
const packed = (bits: string): Uint8Array => Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
const filled = (bits: string): string => bits.padEnd(8 * Math.ceil(bits.length / 8), '0')

/** The first 64 bits of SHA-256 over the log's root and a digest. */
const keyOf = (log: Uint8Array, digest: Uint8Array): string => {
  const hash = createHash('sha256').update(log).update(digest).digest()
  return binary(hash.subarray(0, 8))
}

/** Which shard a key is in, as that shard's bits, and its tag. */
export const plainKey = (log: Uint8Array, digest: Uint8Array, bits: number) => {
  if (log.length !== 32 || digest.length !== 32 || !Number.isInteger(bits) || bits < 0 || bits > 32) return refuse()
  const key = keyOf(log, digest)
  return { shard: Number(`0b0${key.slice(0, bits)}`), tag: Number(`0b${key.slice(32)}`) }
}

const byOrder = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

/** Of tags in any order. */
export const plainShard = (tags: readonly number[]): Uint8Array => {
  const count = BigInt(tags.length)
  const values = tags.map((tag) => (BigInt(tag) * count * 256n) / 2n ** 32n).sort(byOrder)
  const codes = values.map((value, at) => {
    const distance = value - (values[at - 1] ?? 0n)
    return `${'1'.repeat(Number(distance / 256n))}0${(distance % 256n).toString(2).padStart(8, '0')}`
  })
  return packed(filled(tags.length.toString(2).padStart(32, '0') + codes.join('')))
}

export const readShard = (bytes: Uint8Array): number[] => {
  const bits = binary(bytes)
  if (bits.length < 32) return refuse()
  const count = Number(`0b${bits.slice(0, 32)}`)
  if (count > MOST_KEYS) return refuse('TooLarge')
  let at = 32
  const values: number[] = []
  while (values.length < count) {
    const code = /1*0.{8}/y
    code.lastIndex = at
    const [text] = code.exec(bits) ?? refuse()
    const distance = 256 * (text.length - 9) + Number(`0b${text.slice(-8)}`)
    values.push((values.at(-1) ?? 0) + distance)
    at += text.length
    if ((values.at(-1) as number) >= 256 * count) return refuse()
  }
  return filled(bits.slice(0, at)) === bits ? values : refuse('NotCanonical')
}

/** How bytes begin of which there are 32. */
const HASH = Uint8Array.of(0x58, 32)

/** The filter of a whole log at a time. */
export const plainFilter = (entries: readonly Uint8Array[], now: number) => {
  const log = mth(entries)
  const digests = entries.flatMap((entry) => {
    const { r } = readCbor(entry) as { r?: [ucan: CID, by: Uint8Array, exp: number | null, cause: CID] }
    return r && (r[2] === null || r[2] >= now - SKEW) ? [r[0].multihash.digest] : []
  })
  for (let bits = 0; ; bits++) {
    const tags: number[][] = Array.from({ length: 2 ** bits }, () => [])
    for (const digest of digests) {
      const { shard, tag } = plainKey(log, digest, bits)
      tags[shard]?.push(tag)
    }
    if (tags.some(({ length }) => length > MOST_KEYS)) continue
    const shards = tags.map(plainShard)
    const head = Buffer.concat([
      Uint8Array.of(0xa2, 0x63),
      Buffer.from('log'),
      HASH,
      log,
      Uint8Array.of(0x66),
      Buffer.from('shards'),
      HASH,
      mth(shards),
    ])
    const root = CID.createV1(0x71, Digest.create(0x12, new Uint8Array(createHash('sha256').update(head).digest())))
    return { bits, root: String(root), head, shards }
  }
}
