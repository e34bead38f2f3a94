import { createHash } from 'node:crypto'
import { cidOf, encode, signerFromSeed } from '@symbiosis/protocol'
import {
  buildFilter,
  CompactRange,
  decodeEntry,
  type Entry,
  encodeEntry,
  encodeFilterHead,
  encodeShard,
  leafHash,
  shardOf,
} from '@symbiosis/protocol/revocation'
import { toBase64 } from '../json.ts'
import type { FilterFile, FilterVector, PlaceFile, PlaceVector, ShardFile, ShardVector } from './format.ts'

const NOW = 1_800_000_000
const host = signerFromSeed(new Uint8Array(32).fill(7))
const sha256 = (text: string) => new Uint8Array(createHash('sha256').update(text).digest())

const revocation = (text: string, expiration: number | null): Entry => {
  return { kind: 'revocation', ucan: cidOf(encode(text)), by: host.did, expiration, cause: cidOf(encode(`revoke ${text}`)) }
}
const some = (count: number): Entry[] => Array.from({ length: count }, (_, at) => revocation(`delegation ${at}`, NOW + at))

export const filters = (): FilterFile => {
  const manifest: Entry = { kind: 'manifest', seq: 1, root: cidOf(encode('a manifest')) }
  const earlier: Entry = { kind: 'filter', size: 1, now: NOW - 1, bits: 0, root: cidOf(encode('a filter')) }
  const log = some(40)
  const cases: readonly (readonly [name: string, description: string, entries: readonly Entry[], now: number])[] = [
    ['of nothing', 'The root of no entries is SHA-256 of nothing. There is one shard, which is empty.', [], NOW],
    ['of one revocation', 'One key.', some(1), NOW],
    ['of one revocation for good', 'It never ends by itself.', [revocation('a delegation', null)], 2 * NOW],
    ['of a UCAN that ended 60 seconds ago', 'Someone whose clock is late may still take it for valid.', some(1), NOW + 60],
    [
      'of a UCAN that ended 61 seconds ago',
      'Nobody takes it for valid. It is left out, and changes the root of the log all the same.',
      some(1),
      NOW + 61,
    ],
    ['of no revocations', 'A manifest and an earlier filter: neither is a key.', [manifest, earlier], NOW],
    ['of a UCAN that was revoked twice', 'Each entry is a key, and the second is at the distance 0.', [...some(1), ...some(1)], NOW],
    ['of forty revocations', 'All of them count.', log, NOW],
    ['of the same, twenty seconds after a third of them', 'What had ended by then is left out.', log, NOW + 80],
    ['of the same in another order', 'The log has another root, and every key another place.', [...log].reverse(), NOW],
    ['of the same among others', 'What is no revocation counts for the root alone.', [manifest, ...log, earlier], NOW],
  ]
  return {
    kind: 'filter',
    about: 'Filters of whole logs. Such small ones have one shard; `filter-places.json` tells how keys are told apart in larger ones.',
    vectors: cases.map(([name, description, entries, now]): FilterVector => {
      const bytes = entries.map(encodeEntry)
      const range = new CompactRange()
      for (const each of bytes) range.append(leafHash(each))
      const filter = buildFilter(bytes.map(decodeEntry), { size: bytes.length, now, log: range.root() })
      const { bits, root, head, shards } = filter
      const expect = { bits, root: String(root), head: toBase64(encodeFilterHead(head)), shards: shards.map(toBase64) }
      return { name, description, entries: bytes.map(toBase64), now, expect }
    }),
  }
}

export const filterPlaces = (): PlaceFile => {
  const [log, digest] = [sha256('a log'), sha256('a delegation')]
  const vector = (name: string, description: string, over: Partial<PlaceVector>): PlaceVector => {
    const claim = { log: toBase64(log), digest: toBase64(digest), bits: 8, ...over }
    const expect = over.expect ?? { shard: shardOf({ log: bytesOf(claim.log), shards: log }, claim.bits, bytesOf(claim.digest)) }
    return { name, description, ...claim, expect }
  }
  const malformed = { expect: { code: 'Malformed' } }
  return {
    kind: 'filter-place',
    about: 'Which shard of a filter to ask for about a UCAN, by the root of the log and the digest of its CID.',
    vectors: [
      ...[0, 1, 7, 8, 16, 31, 32].map((bits) => vector(`of 2^${bits} shards`, 'The first bits of the key.', { bits })),
      vector('by another root', 'Each filter has its own keys.', { log: toBase64(sha256('another log')) }),
      vector('of another UCAN', 'It belongs elsewhere.', { digest: toBase64(sha256('another delegation')) }),
      vector('of 2^33 shards', '32 bits at most.', { bits: 33, ...malformed }),
      vector('of 2^-1 shards', 'There is no such number.', { bits: -1, ...malformed }),
      vector('by half a bit', 'There is no such number.', { bits: 0.5, ...malformed }),
      vector('by a digest of 31 bytes', 'It is none.', { digest: toBase64(digest.subarray(1)), ...malformed }),
      vector('by a root of 33 bytes', 'It is none.', { log: toBase64(new Uint8Array([...log, 0])), ...malformed }),
    ],
  }
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'))

/** Tags that are spread as those of random keys are. */
const tagsOf = (count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, at) => Buffer.from(sha256(`tag ${at}`)).readUInt32BE()).sort()

/** A shard by its bits, as text; spaces count for nothing. */
const written = (count: number, bits: string): Uint8Array => {
  const text = bits.replaceAll(' ', '')
  const rest = text.match(/.{1,8}/g) ?? []
  return Uint8Array.of(
    count >>> 24,
    (count >> 16) & 255,
    (count >> 8) & 255,
    count & 255,
    ...rest.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)),
  )
}

export const shards = (): ShardFile => {
  const good: readonly (readonly [name: string, description: string, bytes: Uint8Array, values: readonly number[]])[] = [
    ['no keys', 'Four bytes of zero.', written(0, ''), []],
    ['one key, 0', 'No ones, a zero, eight zeros; seven to fill up.', written(1, '0 00000000'), [0]],
    ['one key, 255', 'The last of its range.', written(1, '0 11111111'), [255]],
    ['two keys, 255 and 256', 'The distance is 1.', written(2, '0 11111111 0 00000001'), [255, 256]],
    ['two keys, 256 and 511', '256 goes once into the first.', written(2, '10 00000000 0 11111111'), [256, 511]],
    ['two equal keys', 'The distance is 0.', written(2, '0 00000111 0 00000000'), [7, 7]],
    ['eight keys', 'No bit is left to fill up.', written(8, '0 00000001'.repeat(8)), [1, 2, 3, 4, 5, 6, 7, 8]],
    ['three keys at the end', '256 goes twice into the first.', written(3, '110 11111111 0 00000000 0 00000000'), [767, 767, 767]],
  ]
  const bent: readonly (readonly [name: string, description: string, code: string, bytes: Uint8Array])[] = [
    ['nothing', 'Four bytes at least.', 'Malformed', new Uint8Array()],
    ['three bytes', 'Four bytes at least.', 'Malformed', new Uint8Array(3)],
    ['a key that is missing', 'It says that it has one.', 'Malformed', written(1, '')],
    ['a key that is cut', 'Its last bit is missing.', 'Malformed', written(7, '0 00000001'.repeat(7)).subarray(0, -1)],
    ['ones without a zero', 'They never end.', 'Malformed', written(65_536, '1'.repeat(80))],
    ['one key, 256', 'No key of one is written as that.', 'Malformed', written(1, '10 00000000')],
    ['two keys, 511 and 512', 'No key of two is written as that.', 'Malformed', written(2, '10 11111111 0 00000001')],
    ['65,537 keys', '65,536 at most.', 'TooLarge', written(65_537, '0 00000000'.repeat(65_537)).subarray(0, 64)],
    ['4,294,967,295 keys', '65,536 at most.', 'TooLarge', Uint8Array.of(255, 255, 255, 255)],
    ['a byte behind no keys', 'A shard fills its bytes.', 'NotCanonical', written(0, '00000000')],
    ['a byte behind a key', 'A shard fills its bytes.', 'NotCanonical', written(1, '0 00000000 0000000 00000000')],
    ['a last bit', 'What fills up is zeros.', 'NotCanonical', written(1, '0 00000000 0000001')],
    ['a first bit behind the key', 'What fills up is zeros.', 'NotCanonical', written(1, '0 00000000 1')],
    ['one key more than it says', 'A shard fills its bytes.', 'NotCanonical', written(1, '0 00000001 0 00000001')],
  ]
  return {
    kind: 'shard',
    about: 'Shards of filters in their one form, and what their keys are written as.',
    vectors: [
      ...good.map(([name, description, bytes, values]): ShardVector => ({ name, description, bytes: toBase64(bytes), expect: { values } })),
      ...[100, 1000].map((count): ShardVector => {
        const tags = tagsOf(count)
        // Said anew, in numbers that have no end.
        const values = [...tags].map((tag) => Number((BigInt(tag) * BigInt(count) * 256n) >> 32n))
        return { name: `${count} keys`, description: 'Random ones.', bytes: toBase64(encodeShard(tags)), expect: { values } }
      }),
      ...bent.map(([name, description, code, bytes]): ShardVector => ({ name, description, bytes: toBase64(bytes), expect: { code } })),
    ],
  }
}
