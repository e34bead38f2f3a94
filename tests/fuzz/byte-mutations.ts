import type { Random } from './random.ts'

/** Bytes with a few flipped, cut off, put in or taken out, or joined to a part of others. */
export const mutateBytes = (bytes: Uint8Array, other: () => Uint8Array, random: Random): Uint8Array => {
  const at = random.below(bytes.length + 1)
  switch (random.below(7)) {
    case 0:
    case 1: {
      const flipped = Uint8Array.from(bytes)
      for (let count = random.pick([1, 1, 1, 2, 8, 64]); count > 0; count--) {
        const place = random.below(bytes.length)
        flipped[place] = (flipped[place] ?? 0) ^ (1 << random.below(8))
      }
      return flipped
    }
    case 2:
      return bytes.subarray(0, at)
    case 3: {
      const second = other()
      return Buffer.concat([bytes.subarray(0, at), second.subarray(random.below(second.length))])
    }
    case 4:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(random.pick([1, 2, 16, 300])), bytes.subarray(at)])
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + random.pick([1, 2, 36, 100])))])
    default:
      return random.bytes(random.pick([0, 1, 7, 100, 3000]))
  }
}
