import * as dagCbor from '@ipld/dag-cbor'
import { base58btc } from 'multiformats/bases/base58'
import type { Reader } from './comparing.ts'
import { fromBase64, toBase64, toDagJson } from './json.ts'
import { PlainHost, refusedBy } from './plain-host.ts'
import { readStream } from './plain-stream.ts'
import { Refusal } from './refusal.ts'
import { cidOf, isLink, isSignature, readCar, readCbor, readUcan } from './strict.ts'

const refusedOr = async (read: () => Promise<unknown>): Promise<unknown> => {
  try {
    return await read()
  } catch (thrown) {
    return refusedBy(thrown)
  }
}

/**
 * The second path: what vectors expect, decided from the files alone by stock libraries, an oracle and plain words. None of it is the protocol's code, nor
 * the code that made the vectors.
 */
export const checker: Reader = {
  untold: ['link', 'by'],

  cbor: ({ bytes }) => refusedOr(async () => ({ value: toDagJson(readCbor(fromBase64(bytes))) })),

  car: ({ bytes }, bounds) =>
    refusedOr(async () => {
      const { roots, blocks } = await readCar(fromBase64(bytes), bounds)
      return { roots: roots.map(String), blocks: blocks.map((block) => ({ cid: String(block.cid), bytes: toBase64(block.bytes) })) }
    }),

  ucan: ({ bytes }) =>
    refusedOr(async () => {
      const block = fromBase64(bytes)
      const { payload, signed, ...claims } = readUcan(block)
      return { cid: String(await cidOf(block)), claims: toDagJson(claims), payload, signed }
    }),

  ed25519: async ({ publicKey, message, signature }) => ({
    valid: isSignature(fromBase64(publicKey), fromBase64(message), fromBase64(signature)),
  }),

  receipt: ({ host, ran, bytes }) =>
    refusedOr(async () => {
      const receipt = readCbor(fromBase64(bytes)) as { ocm?: Record<string, unknown>; sig?: unknown } | null
      const { ocm, sig } = receipt ?? {}
      if (Object.keys(receipt ?? {}).some((field) => field !== 'ocm' && field !== 'sig')) throw new Refusal('Malformed')
      const out = ocm?.out as { error?: { name?: unknown } } | undefined
      const isOne = typeof out === 'object' && out !== null && Object.keys(out).length === 1
      const isResult = isOne && ('ok' in out || typeof out.error?.name === 'string')
      if (!ocm || !isLink(ocm.ran) || !isResult || !(sig instanceof Uint8Array) || sig.length !== 68) throw new Refusal('Malformed')
      if (ocm.iss !== host || String(ocm.ran) !== ran) throw new Refusal('WrongAudience')
      const prefix = [0xed, 0xa1, 0x03, 0x40]
      const key = base58btc.decode(host.slice('did:key:'.length)).subarray(2)
      const isSigned = prefix.every((byte, index) => sig[index] === byte) && isSignature(key, dagCbor.encode(ocm), sig.subarray(4))
      if (!isSigned) throw new Refusal('BadSignature')
      return { out: toDagJson(out) }
    }),

  stream: ({ host, ran, bytes }) =>
    refusedOr(() => {
      const receipt = (block: Uint8Array) =>
        checker.receipt({ name: '', description: '', host, ran, bytes: toBase64(block), expect: { out: null } })
      return readStream(fromBase64(bytes), ran, receipt)
    }),

  exchange: async (vector, presumed) => {
    const host = new PlainHost(presumed, vector)
    const answers: unknown[] = []
    for (const { message, now = vector.now } of vector.steps) answers.push(await host.answer(fromBase64(message), now))
    return answers
  },
}
