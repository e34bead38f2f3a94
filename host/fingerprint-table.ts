/**
 * An open-addressed table of fingerprints with linear probing, as one array: slots of two words each, a fingerprint and, counted from 1, the place of what it
 * is of; a place of 0 is an empty slot. A fingerprint has its home by itself, so that a table is made anew of nothing but its slots. Who keeps one decides how
 * full it may be.
 */

/** How many places a slot can tell apart. */
export const MAX_PLACES = 0xffff_ffff

/** How many slots there are. One is told from another by the index of its first word. */
export const slotsOf = (table: Uint32Array): number => table.length / 2
const isEmpty = (table: Uint32Array, slot: number): boolean => table[slot + 1] === 0
const after = (slot: number, table: Uint32Array): number => (slot + 2 === table.length ? 0 : slot + 2)
const distance = (from: number, to: number, table: Uint32Array): number => (to >= from ? to - from : to - from + table.length)

/** The slot where a fingerprint belongs. Tables have any number of slots: multiplied and cut, as a remainder costs a division. */
const homeOf = (fingerprint: number, table: Uint32Array): number => 2 * Math.floor((fingerprint * slotsOf(table)) / 2 ** 32)

const NONE: readonly number[] = []

/** The places that stand with a fingerprint. There is always an empty slot, or no slot at all. */
export const placesOf = (table: Uint32Array, fingerprint: number): readonly number[] => {
  if (table.length === 0) return NONE
  let found: number[] | undefined
  for (let slot = homeOf(fingerprint, table); !isEmpty(table, slot); slot = after(slot, table)) {
    if (table[slot] !== fingerprint) continue
    found ??= []
    found.push((table[slot + 1] as number) - 1)
  }
  return found ?? NONE
}

/** Puts a fingerprint into the first empty slot from its home. */
export const put = (table: Uint32Array, fingerprint: number, place: number): void => {
  let slot = homeOf(fingerprint, table)
  while (!isEmpty(table, slot)) slot = after(slot, table)
  table[slot] = fingerprint
  table[slot + 1] = place + 1
}

/**
 * Takes a fingerprint of a place out, and moves up what was probed past it: a mark in its stead would have to be swept some time. What comes behind stays where it
 * is if it would come to stand before its home. Knuth, The Art of Computer Programming, volume 3, section 6.4, algorithm R. False where it doesn't stand there.
 */
export const take = (table: Uint32Array, fingerprint: number, place: number): boolean => {
  if (table.length === 0) return false
  let gap = homeOf(fingerprint, table)
  for (; table[gap] !== fingerprint || table[gap + 1] !== place + 1; gap = after(gap, table)) if (isEmpty(table, gap)) return false
  for (let next = after(gap, table); !isEmpty(table, next); next = after(next, table)) {
    if (distance(homeOf(table[next] as number, table), next, table) < distance(gap, next, table)) continue
    table[gap] = table[next] as number
    table[gap + 1] = table[next + 1] as number
    gap = next
  }
  table[gap] = 0
  table[gap + 1] = 0
  return true
}

/** A table of so many slots that holds what another does. */
export const remade = (old: Uint32Array, slots: number): Uint32Array => {
  const table = new Uint32Array(2 * slots)
  for (let slot = 0; slot < old.length; slot += 2) {
    if (!isEmpty(old, slot)) put(table, old[slot] as number, (old[slot + 1] as number) - 1)
  }
  return table
}
