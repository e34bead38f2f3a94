/**
 * An open-addressed table of fingerprints with linear probing, as one array: slots of two words each, the first bytes of a digest in the first word; 0, 0 is an empty
 * slot. Who keeps one decides how full it may be, and by what hash an entry has its home.
 */

/** What is kept of a digest: its first eight bytes. Of ten million UCANs no two have the same, but for one time in 370,000. */
export const FINGERPRINT_BYTES = 8

/** The last bits of a hash say where in a table its home is; the others are left to tell tables apart. */
const HOME_BITS = 22

/** How many slots there are. One is told from another by the index of its first word. */
export const slotsOf = (table: Uint32Array): number => table.length / 2
export const isEmpty = (table: Uint32Array, slot: number): boolean => table[slot] === 0 && table[slot + 1] === 0
const after = (slot: number, table: Uint32Array): number => (slot + 2 === table.length ? 0 : slot + 2)
const distance = (from: number, to: number, table: Uint32Array): number => (to >= from ? to - from : to - from + table.length)

/** The slot where a fingerprint belongs. Tables have any number of slots: multiplied and cut, as a remainder costs a division. */
export const homeOf = (hash: number, table: Uint32Array): number =>
  2 * Math.floor(((hash & (2 ** HOME_BITS - 1)) * slotsOf(table)) / 2 ** HOME_BITS)

/** Where a fingerprint stands, looked for from its home; -1 where it doesn't. There is always an empty slot, or no slot at all. */
export const slotOf = (table: Uint32Array, home: number, high: number, low: number): number => {
  if (table.length === 0) return -1
  for (let slot = home; ; slot = after(slot, table)) {
    if (table[slot] === high && table[slot + 1] === low) return slot
    if (isEmpty(table, slot)) return -1
  }
}

/** Puts a fingerprint into the first empty slot from its home. */
export const put = (table: Uint32Array, home: number, high: number, low: number): void => {
  let slot = home
  while (!isEmpty(table, slot)) slot = after(slot, table)
  table[slot] = high
  table[slot + 1] = low
}

/**
 * Empties a slot, and moves up what was probed past it: a mark in its place would have to be swept some time. What comes behind stays where it is
 * if it would come to stand before its home. Knuth, The Art of Computer Programming, volume 3, section 6.4, algorithm R.
 */
export const close = (table: Uint32Array, slot: number, hashAt: (slot: number) => number): void => {
  let gap = slot
  for (let next = after(gap, table); !isEmpty(table, next); next = after(next, table)) {
    if (distance(homeOf(hashAt(next), table), next, table) < distance(gap, next, table)) continue
    table[gap] = table[next] as number
    table[gap + 1] = table[next + 1] as number
    gap = next
  }
  table[gap] = 0
  table[gap + 1] = 0
}

/** The fingerprints of some tables, of which there are `count`. */
export const packed = (tables: readonly Uint32Array[], count: number): Uint8Array<ArrayBuffer> => {
  const block = new DataView(new ArrayBuffer(count * FINGERPRINT_BYTES))
  let at = 0
  for (const table of tables) {
    for (let slot = 0; slot < table.length; slot += 2) {
      if (isEmpty(table, slot)) continue
      block.setUint32(at, table[slot] as number)
      block.setUint32(at + 4, table[slot + 1] as number)
      at += FINGERPRINT_BYTES
    }
  }
  return new Uint8Array(block.buffer)
}

/** The first word of a fingerprint. */
export const highAt = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0

/** The second word. Eight bytes of zero would look like an empty slot, and pass for 1 instead: both are only ever *maybe*. */
export const lowAt = (bytes: Uint8Array, at: number, high: number): number => {
  const low = highAt(bytes, at + 4)
  return high === 0 && low === 0 ? 1 : low
}
