import { cidOf, decode, encode, type Ucan, type Value } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'

/** Bytes that go into a block as they are. */
export class Raw {
  readonly bytes: Uint8Array
  constructor(...bytes: readonly (number | Uint8Array)[]) {
    this.bytes = Uint8Array.from(bytes.flatMap((each) => (typeof each === 'number' ? [each] : [...each])))
  }
}

/** A map whose entries are written in the order in which they stand, twice if they stand there twice. */
export class Pairs {
  readonly entries: readonly (readonly [string | Raw, unknown])[]
  constructor(entries: readonly (readonly [string | Raw, unknown])[]) {
    this.entries = entries
  }
}

const head = (major: number, length: number): number[] => {
  if (length < 24) return [(major << 5) | length]
  if (length < 256) return [(major << 5) | 24, length]
  if (length < 65536) return [(major << 5) | 25, length >> 8, length & 0xff]
  return [(major << 5) | 26, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff]
}

/** CBOR as no honest writer writes it: canonical but for `Raw` and `Pairs`. */
export const bentCbor = (value: unknown): Uint8Array => {
  if (value instanceof Raw) return value.bytes
  if (value instanceof Pairs) {
    const parts = value.entries.flatMap(([key, field]) => [key instanceof Raw ? key.bytes : encode(key), bentCbor(field)])
    return new Raw(...head(5, value.entries.length), ...parts).bytes
  }
  if (Array.isArray(value)) return new Raw(...head(4, value.length), ...value.map(bentCbor)).bytes
  const plain = typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof CID
  return plain ? encode(value) : bentCbor(pairsOf(value as object))
}

/** The entries of a map in the one order, with some replaced, added at the end (`undefined` takes away). */
export const pairsOf = (map: object, changes: Record<string, unknown> = {}): Pairs => {
  const merged = { ...map, ...changes }
  const entries = Object.entries(merged).filter(([, field]) => field !== undefined)
  return new Pairs(
    entries.sort(([a], [b]) => Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b))),
  )
}

export const modelOf = (ucan: Pick<Ucan, 'bytes'>): Record<string, Value> => decode(ucan.bytes) as Record<string, Value>

/** A block of these bytes, rightly named. */
export const blockOf = (bytes: Uint8Array) => ({ cid: cidOf(bytes), bytes })

/** A UCAN with fields changed and the signature left as it is, rightly named. */
export const bent = (ucan: Pick<Ucan, 'bytes'>, changes: Record<string, unknown>) => blockOf(bentCbor(pairsOf(modelOf(ucan), changes)))
