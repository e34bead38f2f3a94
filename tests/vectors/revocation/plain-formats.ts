import { createHash, createPublicKey, verify } from 'node:crypto'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { Refusal } from '../refusal.ts'
import { readCbor } from '../strict.ts'

/** A second reading of the log's formats, of stock libraries and plain words. None of it is the protocol's code. */
export const refuse = (code = 'Malformed'): never => {
  throw new Refusal(code)
}

const sha256 = (...parts: (string | Uint8Array)[]): Buffer =>
  createHash('sha256')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part as string))))
    .digest()

/** Base 64 in its one form. */
const base64 = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : refuse()
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

export const readEntry = (bytes: Uint8Array): unknown => {
  const value = readCbor(bytes) as Record<string, unknown>
  const kinds = Object.keys(Object(value))
  if (typeof value !== 'object' || kinds.length !== 1) return refuse()
  const [kind] = kinds as [string]
  const fields = value[kind] as unknown[]
  if (!Array.isArray(fields)) return refuse()
  if (!['r', 'm', 'f'].includes(kind)) return refuse('Unsupported')
  if (fields.length !== (kind === 'm' ? 2 : 4)) return refuse()
  const link = (at: number): CID => {
    const cid = CID.asCID(fields[at] as CID) ?? refuse()
    return cid.toString().startsWith('bafyrei') ? cid : refuse('NotCanonical')
  }
  const count = (at: number, most = Number.MAX_SAFE_INTEGER): number => {
    const value = fields[at]
    return isCount(value) && value <= most ? value : refuse()
  }
  const did = (at: number): string => {
    const key = fields[at]
    return key instanceof Uint8Array && key.length === 34 && key[0] === 0xed && key[1] === 1 ? `did:key:${base58btc.encode(key)}` : refuse()
  }
  if (kind === 'm') return { kind: 'manifest', seq: count(0), root: link(1) }
  if (kind === 'f') return { kind: 'filter', size: count(0), now: count(1), bits: count(2, 32), root: link(3) }
  return { kind: 'revocation', ucan: link(0), by: did(1), expiration: fields[2] === null ? null : count(2), cause: link(3) }
}

export const readCheckpoint = (text: string) => {
  const lines = text.split('\n')
  if (lines.pop() !== '' || lines.length < 3 || lines.includes('')) return refuse()
  const [origin, size, root, ...extensions] = lines as [string, string, string, ...string[]]
  const number = BigInt(/^[0-9]+$/.test(size) ? size : refuse())
  const hash = base64(root)
  if (String(number) !== size || hash.length !== 32) return refuse()
  if (number > 2n ** 53n - 1n) return refuse('TooLarge')
  if (number === 0n && !hash.equals(sha256())) return refuse()
  return { origin, size: Number(number), root, extensions }
}

const readKey = (text: string) => {
  const [, name, id, encoded] = /^(.+?)\+([0-9a-f]{8})\+(.+)$/.exec(text) as unknown as [string, string, string, string]
  const bytes = base64(encoded)
  if (sha256(`${name}\n`, bytes).toString('hex').slice(0, 8) !== id) return refuse()
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(1).toString('base64url') }
  return { of: `${name}+${id}`, type: bytes[0], key: createPublicKey({ key: jwk, format: 'jwk' }) }
}

export const readNote = (bytes: Uint8Array, vkeys: readonly string[]) => {
  const note = Buffer.from(bytes).toString('utf8')
  const [, text, block] = /^([\s\S]*\n)\n((?:[^\n]+\n)+)$/.exec(note) ?? refuse()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\0-\x09\x0b-\x1f]/.test(note)) return refuse()
  const keys = vkeys.map(readKey)
  const [signed, unknown]: [Set<string>, string[]] = [new Set(), []]
  for (const line of new Set((block as string).split('\n').slice(0, -1))) {
    const [, name, encoded] = /^— ([^\s+]+) (\S+)$/u.exec(line) ?? refuse()
    const all = base64(encoded as string)
    if (all.length < 5) return refuse()
    const found = keys.filter(({ of }) => of === `${name}+${all.toString('hex', 0, 4)}`)
    if (found.length > 1) return refuse()
    const [known] = found
    if (!known) unknown.push(name as string)
    else if (isBy(known, text as string, all.subarray(4))) signed.add(name as string)
    else return refuse('BadSignature')
  }
  if (signed.size === 0) return refuse('BadSignature')
  return { text, signed: [...signed], unknown }
}

const isBy = ({ type, key }: ReturnType<typeof readKey>, text: string, signature: Buffer): boolean => {
  if (type === 1) return verify(null, Buffer.from(text), key, signature)
  if (signature.length !== 72) return false
  return verify(null, Buffer.from(`cosignature/v1\ntime ${signature.readBigUInt64BE()}\n${text}`), key, signature.subarray(8))
}

export const readTilePath = (path: string) => {
  const [, level, groups, width = '256'] =
    /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?$/.exec(path) ??
    refuse()
  const index = BigInt((groups as string).replaceAll(/[x/]/g, ''))
  const isLongest = (groups as string).startsWith('x000')
  if (isLongest || index > 2n ** 53n - 1n || (level !== 'entries' && Number(level) > 63)) return refuse()
  return { level: level === 'entries' ? level : Number(level), index: Number(index), width: Number(width) }
}

export const readBundle = (bytes: Uint8Array, width: number): Buffer[] => {
  const entries: Buffer[] = []
  let rest = Buffer.from(bytes)
  while (rest.length > 0) {
    const end = rest.length < 2 ? refuse() : 2 + rest.readUInt16BE()
    if (end > rest.length) return refuse()
    entries.push(rest.subarray(2, end))
    rest = rest.subarray(end)
  }
  return entries.length === width ? entries : refuse()
}
