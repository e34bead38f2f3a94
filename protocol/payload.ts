import { base64 } from './base64.ts'
import type { Value } from './cbor.ts'
import { asLink, textOf } from './link.ts'
import type { Claims } from './ucan.ts'

/**
 * The bytes that a signature covers: a JWT's first two parts, the payload in DAG-JSON with sorted keys. Not to be kept: the next one is written
 * in the same place. Every call has a payload of its own, so it is written as bytes at once, where texts would be made, joined and copied.
 * Source: @ipld/dag-ucan `formatter.js`, whose output this equals byte for byte (tested).
 */
export const signingPayload = (claims: Claims): Uint8Array => {
  json.clear()
  json.raw('{"att":')
  json.value(claims.capabilities as unknown as Value)
  json.raw(`,"aud":"`)
  json.raw(claims.audience)
  json.raw(`","exp":`)
  json.raw(`${claims.expiration}`)
  if (claims.facts.length > 0) {
    json.raw(',"fct":')
    json.value(claims.facts as Value)
  }
  json.raw(',"iss":"')
  json.raw(claims.issuer)
  json.raw('"')
  if (claims.notBefore) json.raw(`,"nbf":${claims.notBefore}`)
  if (claims.nonce) {
    json.raw(',"nnc":')
    json.text(claims.nonce)
  }
  json.raw(',"prf":[')
  for (const [index, proof] of claims.proofs.entries()) {
    json.raw(index > 0 ? ',"' : '"')
    json.raw(textOf(proof))
    json.raw('"')
  }
  json.raw(']}')
  return behindHeader(json)
}

/** What nearly every payload has room in; a larger one has its own, which is let go again. */
const SCRATCH_BYTES = 4096

/** Writes DAG-JSON: keys in the order of their UTF-16 units, links and bytes as maps under "/". */
class Writer {
  bytes = new Uint8Array(SCRATCH_BYTES)
  length = 0

  clear(): void {
    this.length = 0
    if (this.bytes.length > SCRATCH_BYTES) this.bytes = new Uint8Array(SCRATCH_BYTES)
  }

  /** A text that is ASCII. */
  raw(text: string): void {
    this.#reserve(text.length)
    for (let index = 0; index < text.length; index++) this.bytes[this.length++] = text.charCodeAt(index)
  }

  value(value: Value): void {
    if (typeof value === 'string') return this.text(value)
    if (value === null || typeof value !== 'object') return this.raw(JSON.stringify(value))
    if (value instanceof Uint8Array) return this.raw(`{"/":{"bytes":"${base64(value).replaceAll('=', '')}"}}`)
    const cid = asLink(value)
    if (cid) return this.raw(`{"/":"${textOf(cid)}"}`)
    if (Array.isArray(value)) return this.#list(value)
    this.#map(value as { readonly [key: string]: Value })
  }

  text(text: string): void {
    const start = this.length
    this.#reserve(text.length + 2)
    this.bytes[this.length++] = 0x22
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return this.#escaped(text, start)
      this.bytes[this.length++] = unit
    }
    this.bytes[this.length++] = 0x22
  }

  /** Few texts need escapes, or more than a byte a character. */
  #escaped(text: string, start: number): void {
    const escaped = text8.encode(JSON.stringify(text))
    this.length = start
    this.#reserve(escaped.length)
    this.bytes.set(escaped, start)
    this.length += escaped.length
  }

  #list(list: readonly Value[]): void {
    this.raw('[')
    for (let index = 0; index < list.length; index++) {
      if (index > 0) this.raw(',')
      this.value(list[index] as Value)
    }
    this.raw(']')
  }

  #map(map: { readonly [key: string]: Value }): void {
    let separator = '{'
    for (const key of inOrder(Object.keys(map))) {
      if (map[key] === undefined) continue
      this.raw(separator)
      this.text(key)
      this.raw(':')
      this.value(map[key])
      separator = ','
    }
    this.raw(separator === '{' ? '{}' : '}')
  }

  #reserve(more: number): void {
    const least = this.length + more
    if (least <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, least))
    grown.set(this.bytes)
    this.bytes = grown
  }
}

const inOrder = (keys: string[]): string[] => {
  for (let index = 1; index < keys.length; index++) if ((keys[index - 1] as string) > (keys[index] as string)) return keys.sort()
  return keys
}

const text8 = new TextEncoder()
const json = new Writer()

const ALPHABET = text8.encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
const HEADER = text8.encode(`${btoa('{"alg":"EdDSA","typ":"JWT","ucv":"0.9.1"}').replaceAll('=', '')}.`)
const withHeader = (length: number): Uint8Array => {
  const payload = new Uint8Array(length)
  payload.set(HEADER)
  return payload
}
const scratch = withHeader(2 * SCRATCH_BYTES)

/** The header, and behind it what was written in base 64 for URLs, without padding. */
const behindHeader = ({ bytes, length }: Writer): Uint8Array => {
  const end = HEADER.length + Math.ceil((length * 4) / 3)
  const payload = end > scratch.length ? withHeader(end) : scratch
  let at = HEADER.length
  for (let index = 0; index < length; index += 3) {
    // Beyond the end stands what an earlier payload left, and counts as zero.
    const second = index + 1 < length ? (bytes[index + 1] as number) : 0
    const third = index + 2 < length ? (bytes[index + 2] as number) : 0
    const bits = ((bytes[index] as number) << 16) | (second << 8) | third
    payload[at] = ALPHABET[bits >> 18] as number
    payload[at + 1] = ALPHABET[(bits >> 12) & 63] as number
    payload[at + 2] = ALPHABET[(bits >> 6) & 63] as number
    payload[at + 3] = ALPHABET[bits & 63] as number
    at += 4
  }
  return payload.subarray(0, end)
}
