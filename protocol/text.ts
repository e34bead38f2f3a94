/**
 * Short texts that come again and again: names of fields, abilities. One that is known costs a look, where making it anew costs the engine a
 * new string, and a second search where it names a field. A slot holds what was read last, so strangers can fill no memory with it.
 */
const SLOTS = 1024
const slots: string[] = Array.from({ length: SLOTS }, () => '')

/** The text in `bytes` from `start` to `end`, or undefined where it isn't ASCII. */
export const asciiAt = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  let mixed = end - start
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number
    if (byte > 0x7f) return undefined
    mixed = (mixed * 31 + byte) | 0
  }
  const slot = mixed & (SLOTS - 1)
  const known = slots[slot] as string
  if (standsAt(known, bytes, start, end)) return known
  const text = String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[])
  slots[slot] = text
  return text
}

const standsAt = (text: string, bytes: Uint8Array, start: number, end: number): boolean => {
  if (text.length !== end - start) return false
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false
  return true
}
