import { createHash } from 'node:crypto'

/**
 * RFC 6962, section 2.1, word for word and slowly: every hash is computed from the entries that it covers. None of it is the protocol's code.
 */
type Entries = readonly Uint8Array[]

const hash = (...parts: (Uint8Array | readonly number[])[]): Uint8Array => {
  const sha256 = createHash('sha256')
  for (const part of parts) sha256.update(Uint8Array.from(part))
  return new Uint8Array(sha256.digest())
}

/** The largest power of two smaller than n. */
const split = (n: number): number => {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

export const leaf = (entry: Uint8Array): Uint8Array => hash([0], entry)
const node = (left: Uint8Array, right: Uint8Array): Uint8Array => hash([1], left, right)

/** MTH(D[n]). */
export const mth = (entries: Entries): Uint8Array => {
  if (entries.length === 0) return hash()
  if (entries.length === 1) return leaf(entries[0] as Uint8Array)
  const k = split(entries.length)
  return node(mth(entries.slice(0, k)), mth(entries.slice(k)))
}

/** PATH(m, D[n]), section 2.1.1. */
export const path = (m: number, entries: Entries): Uint8Array[] => {
  if (entries.length === 1) return []
  const k = split(entries.length)
  return m < k ? [...path(m, entries.slice(0, k)), mth(entries.slice(k))] : [...path(m - k, entries.slice(k)), mth(entries.slice(0, k))]
}

/** PROOF(m, D[n]), section 2.1.2. */
export const proof = (m: number, entries: Entries): Uint8Array[] => subproof(m, entries, true)

const subproof = (m: number, entries: Entries, isComplete: boolean): Uint8Array[] => {
  if (m === entries.length) return isComplete ? [] : [mth(entries)]
  const k = split(entries.length)
  return m <= k
    ? [...subproof(m, entries.slice(0, k), isComplete), mth(entries.slice(k))]
    : [...subproof(m - k, entries.slice(k), false), mth(entries.slice(0, k))]
}
