import { CID } from 'multiformats/cid'

/** Why bytes are no DAG-CBOR in its one form. */
export interface FormFault {
  readonly code: 'Malformed' | 'NotCanonical' | 'TooLarge'
  readonly why: string
  readonly field?: string
  /** Whether stock is known to take it. */
  readonly lenient?: true
}

const MAX_DEPTH = 64

class Fault extends Error {
  readonly fault: FormFault

  constructor(code: FormFault['code'], why: string, more: Partial<FormFault> = {}) {
    super(why)
    this.fault = { code, why, ...more }
  }
}

/** Walks over one value, item by item, with RFC 8949 and the DAG-CBOR specification at hand; makes nothing of it. */
export const formOf = (bytes: Uint8Array): FormFault | undefined => {
  try {
    const end = item(bytes, 0, 0)
    if (end < bytes.length) throw new Fault('NotCanonical', 'bytes after the end')
    return undefined
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.fault
    throw thrown
  }
}

/** @returns where the item ends */
const item = (bytes: Uint8Array, at: number, depth: number): number => {
  if (depth > MAX_DEPTH) throw new Fault('TooLarge', 'a nest too deep', { field: 'depth', lenient: true })
  const major = byteAt(bytes, at) >> 5
  if (major === 7) return simple(bytes, at)
  const { value, end } = argument(bytes, at)
  switch (major) {
    case 0:
      return end
    case 1:
      // -1 - n has to stay above -2^53, too.
      if (value >= 2n ** 53n - 1n) throw new Fault('Malformed', 'an integer below -2^53 + 1', { lenient: true })
      return end
    case 2:
      return within(bytes, end, value)
    case 3:
      return text(bytes, end, value)
    case 4:
      return list(bytes, end, value, depth)
    case 5:
      return map(bytes, end, value, depth)
    default:
      return link(bytes, end, value)
  }
}

const byteAt = (bytes: Uint8Array, at: number): number => {
  const byte = bytes[at]
  if (byte === undefined) throw new Fault('Malformed', 'an end in the middle')
  return byte
}

const argument = (bytes: Uint8Array, at: number): { value: bigint; end: number } => {
  const info = byteAt(bytes, at) & 0x1f
  if (info < 24) return { value: BigInt(info), end: at + 1 }
  if (info === 31) throw new Fault('NotCanonical', 'an indefinite length')
  if (info > 27) throw new Fault('Malformed', 'a reserved length')
  const length = 2 ** (info - 24)
  const end = within(bytes, at + 1, BigInt(length))
  const value = BigInt(`0x${Buffer.from(bytes.subarray(at + 1, end)).toString('hex')}`)
  if (value >= 2n ** 53n) throw new Fault('Malformed', 'an integer over 2^53 - 1', { lenient: true })
  const least = info === 24 ? 24n : 2n ** BigInt(4 * length)
  if (value < least) throw new Fault('NotCanonical', 'a number longer than needed')
  return { value, end }
}

const within = (bytes: Uint8Array, from: number, length: bigint): number => {
  if (BigInt(from) + length > BigInt(bytes.length)) throw new Fault('Malformed', 'an end in the middle')
  return from + Number(length)
}

const text = (bytes: Uint8Array, from: number, length: bigint): number => {
  const end = within(bytes, from, length)
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(from, end))
  } catch {
    throw new Fault('Malformed', 'a text that is not UTF-8')
  }
  return end
}

const list = (bytes: Uint8Array, from: number, length: bigint, depth: number): number => {
  let at = from
  for (let index = 0n; index < length; index++) at = item(bytes, at, depth + 1)
  return at
}

const map = (bytes: Uint8Array, from: number, length: bigint, depth: number): number => {
  let at = from
  let previous: Uint8Array | undefined
  for (let index = 0n; index < length; index++) {
    if (byteAt(bytes, at) >> 5 !== 3) throw new Fault('Malformed', 'a key that is no text')
    const end = item(bytes, at, depth + 1)
    const key = bytes.subarray(at, end)
    // As encoded, lengths come first: so shorter keys do.
    if (previous && Buffer.compare(key, previous) <= 0) throw new Fault('NotCanonical', 'keys twice or out of order')
    if (Buffer.from(key.subarray(1)).toString() === '__proto__')
      throw new Fault('Malformed', 'a key that is no plain field', { lenient: true })
    previous = key
    at = item(bytes, end, depth + 1)
  }
  return at
}

const link = (bytes: Uint8Array, from: number, tag: bigint): number => {
  if (tag !== 42n) throw new Fault('Malformed', 'a tag that is no link')
  if (byteAt(bytes, from) >> 5 !== 2) throw new Fault('Malformed', 'a link that holds no bytes')
  const { value, end } = argument(bytes, from)
  const last = within(bytes, end, value)
  if (value === 0n || byteAt(bytes, end) !== 0) throw new Fault('Malformed', 'a link without its zero')
  const cid = bytes.subarray(end + 1, last)
  try {
    CID.decode(cid)
  } catch {
    throw new Fault('Malformed', 'a link that is no CID', { lenient: true })
  }
  if (!isShortest(cid)) throw new Fault('NotCanonical', 'a link in a second form', { lenient: true })
  return last
}

/** Whether a CID is in its one form. A varint ends with the first byte below 0x80, and a longer one whose last byte is zero says what a shorter one would. */
export const isShortest = (cid: Uint8Array): boolean => {
  // Version 0 is written by leaving it out.
  if (cid[0] === 0) return false
  let at = 0
  const varints = cid[0] === 0x12 ? 2 : 4
  for (let count = 0; count < varints; count++) {
    const start = at
    while ((cid[at] as number) >= 0x80) at++
    if (at > start && cid[at] === 0) return false
    at++
  }
  return true
}

const simple = (bytes: Uint8Array, at: number): number => {
  const info = byteAt(bytes, at) & 0x1f
  if (info >= 20 && info <= 22) return at + 1
  if (info === 25 || info === 26) throw new Fault('NotCanonical', 'a float that is not of 64 bits')
  if (info !== 27) throw new Fault('Malformed', 'a simple value that DAG-CBOR lacks')
  const end = within(bytes, at + 1, 8n)
  const value = Buffer.from(bytes).readDoubleBE(at + 1)
  if (!Number.isFinite(value)) throw new Fault('Malformed', 'a number that is not finite')
  // Those that no integer of CBOR's would hold safely, stock writes as floats.
  const lenient = Math.abs(value) >= 2 ** 53 ? ({ lenient: true } as const) : {}
  if (Number.isInteger(value)) throw new Fault('NotCanonical', 'an integer as a float', lenient)
  return end
}
