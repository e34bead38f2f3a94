import { Failure } from '../failure.ts'

/** Keys of a shard at the most: then it takes 79 kB, and what its keys are written as fits 24 bits. */
export const SHARD_KEYS = 65_536

/** Of every so many strangers one is taken for a key. With 256 a remainder is a byte, and a key takes 9.6 bits. */
const ODDS = 256

const COUNT_BYTES = 4

/** Over all keys 256 goes into the distances less than once a key, so a key takes ten bits at most. */
const bytesFor = (count: number): number => COUNT_BYTES + Math.ceil((10 * count) / 8)

/** No shard is larger. */
export const MAX_SHARD_BYTES = /* @__PURE__ */ bytesFor(SHARD_KEYS)

/**
 * What a tag, 32 bits of a key's hash, is written as among `count` of them: spread evenly from 0 to 256 * `count` - 1. All products stay below
 * 2^48, so that numbers hold them exactly.
 */
const spread = (tag: number, count: number): number => Math.floor((tag * count) / (2 ** 32 / ODDS))

/**
 * A shard's bytes: how many keys it has in four bytes, the more significant first, and each key's distance from the one before it, from 0 for the first, as a
 * Golomb-Rice code: how often 256 goes into it as so many ones and a zero, then the remainder in eight bits. The first bit of a byte is its highest,
 * and the last byte is filled up with zeros. Source of the pattern: https://github.com/bitcoin/bips/blob/master/bip-0158.mediawiki
 *
 * @param tags in ascending order; equal ones are keys of their own
 * @throws Failure TooLarge for more than 65,536
 */
export const encodeShard = (tags: Uint32Array): Uint8Array<ArrayBuffer> => {
  const count = tags.length
  checkKeys(count)
  const bytes = new Uint8Array(bytesFor(count))
  new DataView(bytes.buffer).setUint32(0, count)
  let [bit, last] = [8 * COUNT_BYTES, 0]
  for (const tag of tags) {
    const value = spread(tag, count)
    const end = bit + Math.floor((value - last) / ODDS)
    for (; bit < end; bit++) bytes[bit >> 3] = (bytes[bit >> 3] as number) | (0x80 >> (bit & 7))
    bit++
    const remainder = (value - last) % ODDS
    bytes[bit >> 3] = (bytes[bit >> 3] as number) | (remainder >> (bit & 7))
    // Where it ends with its byte there may be no next one, and then nothing is left to be written there.
    bytes[(bit >> 3) + 1] = remainder << (8 - (bit & 7))
    bit += 8
    last = value
  }
  return bytes.slice(0, Math.ceil(bit / 8))
}

/**
 * What the keys of a shard are written as, in ascending order: 4 bytes each in memory, where the shard has ten bits.
 * @throws Failure Malformed for bytes that end too early or hold what no key is written as; TooLarge for more than 65,536 keys; NotCanonical for bytes
 * or bits to spare
 */
export const decodeShard = (bytes: Uint8Array): Uint32Array<ArrayBuffer> => {
  if (!(bytes instanceof Uint8Array) || bytes.length < COUNT_BYTES) throw malformed('has no number of keys')
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  checkKeys(count)
  const values = new Uint32Array(count)
  const bits = 8 * bytes.length
  let [bit, value] = [8 * COUNT_BYTES, 0]
  for (let at = 0; at < count; at++) {
    while (bit < bits && ((bytes[bit >> 3] as number) & (0x80 >> (bit & 7))) !== 0) {
      value += ODDS
      bit++
    }
    bit++
    if (bit + 8 > bits) throw malformed('ends before its last key')
    const pair = ((bytes[bit >> 3] as number) << 8) | (bytes[(bit >> 3) + 1] ?? 0)
    value += (pair >> (8 - (bit & 7))) & 0xff
    bit += 8
    if (value >= ODDS * count) throw malformed('holds what no key is written as')
    values[at] = value
  }
  // The last byte is looked at whole: what of it belongs to no key has to be zero.
  const isFilledUp = bits - bit < 8 && (bit % 8 === 0 || (((bytes.at(-1) as number) << (bit & 7)) & 0xff) === 0)
  if (!isFilledUp) throw new Failure('NotCanonical', 'A shard of a filter has bytes or bits to spare.', { field: 'shard' })
  return values
}

/** Whether one of the values that `decodeShard` read is what a tag is written as: false is certain, true is wrong for one stranger in 256. */
export const holds = (values: Uint32Array, tag: number): boolean => {
  const value = spread(tag, values.length)
  let [from, to] = [0, values.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((values[middle] as number) < value) from = middle + 1
    else to = middle
  }
  return values[from] === value
}

const checkKeys = (count: number): void => {
  if (count > SHARD_KEYS) {
    throw new Failure('TooLarge', `A shard of a filter has ${count} keys.`, { field: 'keys', limit: SHARD_KEYS })
  }
}

const malformed = (what: string): Failure => new Failure('Malformed', `A shard of a filter ${what}.`, { field: 'shard' })
