import type { Random } from './random.ts'

/** An item of CBOR: where it begins, where its head ends, what it is and what its head says. */
interface Item {
  readonly at: number
  readonly body: number
  readonly major: number
  readonly argument: number
}

/** Where the items of a block begin, as far as it can be read. */
const itemsOf = (bytes: Uint8Array): Item[] => {
  const items: Item[] = []
  for (let at = 0; at < bytes.length && items.length < 500; ) {
    const initial = bytes[at] as number
    const [major, info] = [initial >> 5, initial & 0x1f]
    const width = info < 24 ? 0 : info < 28 ? 1 << (info - 24) : 0
    let argument = info < 24 ? info : 0
    for (let index = 1; index <= width; index++) argument = argument * 256 + (bytes[at + index] ?? 0)
    const body = at + 1 + width
    items.push({ at, body, major, argument })
    at = major === 2 || major === 3 ? body + argument : body
  }
  return items
}

/** Bytes of a block with one item written otherwise: another head, another length, indefinite, twice, or not at all. */
export const mutateCbor = (bytes: Uint8Array, random: Random): Uint8Array => {
  const items = itemsOf(bytes)
  const index = random.below(items.length)
  const item = items[index]
  if (!item) return random.bytes(8)
  const { at, body, major, argument } = item
  const end = major === 2 || major === 3 ? body + argument : (items[index + 1]?.at ?? bytes.length)
  const [before, content, after] = [bytes.subarray(0, at), bytes.subarray(body, end), bytes.subarray(end)]
  const spliced = (...middle: (number | Uint8Array)[]) =>
    Uint8Array.from([...before, ...middle.flatMap((each) => (typeof each === 'number' ? [each] : [...each])), ...after])
  const head = (kind: number, value: number, width: number) => [
    (kind << 5) | (24 + width),
    ...Array.from({ length: 1 << width }, (_, place) => Math.floor(value / 256 ** ((1 << width) - 1 - place)) & 0xff),
  ]
  switch (random.below(10)) {
    case 0:
      return spliced(...head(major, argument, random.below(4)), content)
    case 1:
      return spliced(...head(major, Math.max(0, argument + random.pick([1, -1, 2])), 1), content)
    case 2:
      return spliced(...head(major, random.pick([2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53]), 3), content)
    case 3:
      return spliced((major << 5) | 31, content, 0xff)
    case 4:
      return spliced(...head(random.below(8), argument, 0), content)
    case 5:
      return spliced((bytes[at] as number) ^ (1 << random.below(8)), bytes.subarray(at + 1, end))
    case 6:
      return spliced(bytes.subarray(at, end), bytes.subarray(at, end))
    case 7:
      return spliced()
    case 8:
      return spliced(
        ...random.pick([
          [0xf7],
          [0xf9, 0x7e, 0],
          [0xfa, 0, 0, 0, 0],
          [0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
          [0xc1],
          [0xd8, 42],
          [0xe0],
          [0xf8, 32],
        ]),
      )
    default:
      return spliced(...Array.from({ length: random.pick([10, 64, 70, 3000]) }, () => 0x81), 0)
  }
}
