import { getRandomValues } from 'node:crypto'
import { FINGERPRINT_BYTES } from '../../host/fingerprint-table.ts'
import { RevocationIndex } from '../../host/revocation-index.ts'
import { median, type Plan } from './rounds.ts'
import { atMost, figure, type Row } from './rows.ts'

const BLOCK = 8192 * FINGERPRINT_BYTES
const DIGEST_BYTES = 32
/** Checks before the first that counts. */
const WARMING = 200_000

/** Random, as digests are: the fingerprints of `count` entries, in blocks as a host stores them. */
const blocksOf = (count: number): Uint8Array[] => {
  const blocks: Uint8Array[] = []
  for (let left = count * FINGERPRINT_BYTES; left > 0; left -= BLOCK) blocks.push(getRandomValues(new Uint8Array(Math.min(left, BLOCK))))
  return blocks
}

/** Digests that begin as an entry each, picked anywhere: what was asked before has left no trace in the processor's caches. */
const among = (blocks: readonly Uint8Array[], count: number): Uint8Array[] =>
  strangers(count).map((digest) => {
    const block = blocks[Math.floor(Math.random() * blocks.length)] as Uint8Array
    const at = Math.floor((Math.random() * block.length) / FINGERPRINT_BYTES) * FINGERPRINT_BYTES
    digest.set(block.subarray(at, at + FINGERPRINT_BYTES))
    return digest
  })

const strangers = (count: number): Uint8Array[] => Array.from({ length: count }, () => getRandomValues(new Uint8Array(DIGEST_BYTES)))

/** CPU nanoseconds that asking for one of the digests takes. */
const timed = (index: RevocationIndex, digests: readonly Uint8Array[], expected: boolean): number => {
  const before = process.cpuUsage()
  let hits = 0
  for (const digest of digests) if (index.has(digest)) hits++
  const { user, system } = process.cpuUsage(before)
  if (hits !== (expected ? digests.length : 0)) throw new Error(`${hits} of ${digests.length} are found.`)
  return ((user + system) * 1000) / digests.length
}

/** An index that holds what stands in the blocks, and the CPU seconds that it took; `expected` of them are announced. */
const loaded = (blocks: readonly Uint8Array[], expected = 0): { index: RevocationIndex; seconds: number } => {
  const before = process.cpuUsage()
  const index = new RevocationIndex(expected)
  for (const block of blocks) index.load(block)
  const { user, system } = process.cpuUsage(before)
  return { index, seconds: (user + system) / 1e6 }
}

/** What it costs to ask whether a UCAN is revoked, and to hold the answer for millions. */
export const revocationChecks = async ({ rounds, checks, revocations }: Plan): Promise<Row[]> => {
  const few = blocksOf(1000)
  // Untimed, so that the engine has settled before the first size is measured.
  for (let done = 0; done < WARMING; done += checks) timed(loaded(few).index, among(few, checks), true)
  const rows: Row[] = []
  let largest: Row[] = []
  for (const size of revocations) {
    const blocks = blocksOf(size)
    const grown = loaded(blocks)
    const { index, seconds } = loaded(blocks, size)
    const [hits, misses]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      if (size > 0) hits.push(timed(index, among(blocks, checks), true))
      misses.push(timed(index, strangers(checks), false))
    }
    if (size > 0) rows.push(atMost(1000, { name: `revocations: a check among ${size}, hit`, value: median(hits), unit: 'ns' }))
    rows.push(atMost(1000, { name: `revocations: a check among ${size}, miss`, value: median(misses), unit: 'ns' }))
    const bytes = Math.max(index.bytes, grown.index.bytes) / size
    largest = [
      atMost(16, { name: `revocations: memory of each of ${size}`, value: bytes, unit: 'bytes' }),
      atMost(5, { name: `revocations: loading ${size}, their number known`, value: seconds, unit: 's' }),
      figure({ name: `revocations: loading ${size}, their number unknown`, value: grown.seconds, unit: 's' }),
    ]
  }
  return [...rows, ...largest]
}
