import { type Block, encodeVarint } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { Raw } from '../attacks/bent.ts'
import { oddValue } from './odd-values.ts'
import type { Random } from './random.ts'
import { written } from './sealing.ts'

/** A CAR in parts: its header, and for each block how long it says it is, its CID and its bytes. */
export interface CarParts {
  header: Uint8Array
  sections: { length: Uint8Array; cid: Uint8Array; bytes: Uint8Array }[]
}

export const carParts = (root: CID, blocks: readonly Block[]): CarParts => ({
  header: written({ roots: [root], version: 1 }),
  sections: blocks.map(({ cid, bytes }) => ({ length: encodeVarint(cid.bytes.length + bytes.length), cid: cid.bytes, bytes })),
})

export const carOf = ({ header, sections }: CarParts): Uint8Array =>
  Buffer.concat([encodeVarint(header.length), header, ...sections.flatMap(({ length, cid, bytes }) => [length, cid, bytes])])

export const mutateCar = ({ header, sections }: CarParts, random: Random): CarParts => {
  const at = random.below(sections.length)
  const section = sections[at] as CarParts['sections'][number]
  const replaced = (change: Partial<typeof section>): CarParts => {
    const changed = { ...section, ...change }
    // What is longer now mostly says so.
    if (!change.length && random.chance(0.9)) changed.length = encodeVarint(changed.cid.length + changed.bytes.length)
    return { header, sections: sections.map((each, index) => (index === at ? changed : each)) }
  }
  switch (random.below(9)) {
    case 0:
      return { header: oddHeader(random, section.cid), sections }
    case 1:
      return replaced({ length: oddVarint(random, section.cid.length + section.bytes.length) })
    case 2:
      return replaced({ cid: oddCid(random, section.cid) })
    case 3:
      return { header, sections: sections.filter((_, index) => index !== at) }
    case 4:
      return { header, sections: [...sections, ...Array.from({ length: random.pick([1, 2, 520]) }, () => section)] }
    case 5:
      return { header, sections: [...sections].reverse() }
    case 6:
      return replaced({ bytes: random.pick([new Uint8Array(0), new Uint8Array(70_000), random.bytes(40), section.bytes.subarray(1)]) })
    case 7:
      return { header, sections: [...sections, stray(random)] }
    default: {
      const other = random.pick(sections)
      return replaced(random.chance(0.5) ? { cid: other.cid } : { bytes: other.bytes })
    }
  }
}

const stray = (random: Random): CarParts['sections'][number] => {
  const bytes = written({ stray: random.u32() })
  const { cid } = { cid: Digest.create(0x12, random.bytes(32)) }
  const name = CID.createV1(0x71, cid).bytes
  return { length: encodeVarint(name.length + bytes.length), cid: name, bytes }
}

const oddHeader = (random: Random, cid: Uint8Array): Uint8Array => {
  const root = CID.decode(cid)
  return random.pick([
    () => written({ roots: [], version: 1 }),
    () => written({ roots: [root, root], version: 1 }),
    () => written({ roots: [root], version: random.pick([0, 2, '1', 1.5, null]) }),
    () => written({ roots: [root] }),
    () => written({ version: 1 }),
    () => written({ roots: root, version: 1 }),
    () => written({ roots: [oddValue(random)], version: 1 }),
    () => written({ roots: [root], version: 1, extra: oddValue(random) }),
    () => written({ roots: [root], version: new Raw(0x18, 1) }),
    () => written({ roots: Array.from({ length: 200 }, () => root), version: 1 }),
    () => written(oddValue(random) instanceof Object ? [1] : {}),
    () => new Uint8Array(0),
    () => random.bytes(20),
    // The pragma of version 2.
    () => Uint8Array.of(0xa1, 0x67, ...new TextEncoder().encode('version'), 2),
  ])()
}

/** Lengths that lie, that are longer than needed, that never end. */
export const oddVarint = (random: Random, length: number): Uint8Array =>
  random.pick([
    () => encodeVarint(Math.max(0, length + random.pick([-1, 1, -36, 5]))),
    () => encodeVarint(0),
    () => encodeVarint(random.pick([2 ** 20, 2 ** 31, 2 ** 32, 2 ** 48])),
    () => Uint8Array.of((length & 0x7f) | 0x80, (length >> 7) | 0x80, 0x80, 0),
    () => new Uint8Array(random.pick([7, 8, 9, 10, 12])).fill(0xff),
    () => Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
  ])()

const oddCid = (random: Random, cid: Uint8Array): Uint8Array => {
  const digest = cid.subarray(4)
  return random.pick([
    () => Uint8Array.of(0x12, 0x20, ...digest),
    () => Uint8Array.of(1, random.pick([0x55, 0x70, 0x51, 0]), 0x12, 0x20, ...digest),
    () => Uint8Array.of(1, 0x71, 0x12, 20, ...digest.subarray(0, 20)),
    () => Uint8Array.of(1, 0x71, random.pick([0x13, 0x1b, 0x16]), 0x20, ...digest),
    () => Uint8Array.of(1, 0x71, 0x13, 64, ...digest, ...digest),
    () => Uint8Array.of(1, 0x71, 0, 4, 1, 2, 3, 4),
    () => Uint8Array.of(1, 0xf1, 0, 0x12, 0x20, ...digest),
    () => Uint8Array.of(random.pick([0, 2, 3, 0x7f]), 0x71, 0x12, 0x20, ...digest),
    () => Uint8Array.of(1, 0x71, 0x12, 0xff, 0xff, 0x03, ...digest),
    () => Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x12),
    () => random.bytes(random.below(40)),
    () => Uint8Array.of(1, 0x71, 0x12, 0x20, ...random.bytes(32)),
  ])()
}
