import {
  type Block,
  bytesFromDid,
  cidOf,
  type DID,
  didFromPublicKey,
  encode,
  type LocalSigner,
  signingPayload,
  textOf,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { bentCbor, pairsOf } from '../attacks/bent.ts'

/** The fields of a UCAN as they stand in its block; mutations put anything into them. */
export type Model = { [field: string]: unknown }

/** A UCAN to be signed, with those that prove it. One that has its block is made already. */
export interface Part {
  readonly signer: LocalSigner
  readonly model: Model
  readonly proofs: readonly Part[]
  readonly block?: Block
}

export interface Said {
  can: string
  with: string
  nb?: object
  exp?: number | null
  nnc?: string
}

export const part = (signer: LocalSigner, audience: DID, { can, with: about, nb, exp, nnc }: Said, proofs: readonly Part[] = []): Part => ({
  signer,
  model: {
    v: '0.9.1',
    iss: bytesFromDid(signer.did),
    aud: bytesFromDid(audience),
    att: [{ can, with: about, ...(nb && { nb }) }],
    exp: exp ?? null,
    ...(nnc && { nnc }),
  },
  proofs,
})

/** The part with its block: signed over what it says, unless it has a signature of its own. */
export const sealed = (part: Part): Part => {
  if (part.block) return part
  const proofs = part.proofs.map(sealed)
  const model: Model = { prf: proofs.map(({ block }) => block?.cid), ...part.model }
  if (!Object.hasOwn(model, 's')) model.s = Uint8Array.of(0xed, 0xa1, 0x03, 0x40, ...signature(part.signer, model))
  return { ...part, model, proofs, block: named(written(model)) }
}

export const named = (bytes: Uint8Array): Block => ({ cid: cidOf(bytes), bytes })

/** What no honest writer writes is written all the same. */
export const written = (value: object): Uint8Array => {
  try {
    return encode(value)
  } catch {
    return bentCbor(Array.isArray(value) ? value : pairsOf(value))
  }
}

/** All blocks of some parts, what proves before what is proved, each once. */
export const blocksOf = (parts: readonly Part[]): Block[] => {
  const blocks = new Map<string, Block>()
  // A diamond has a million ways down.
  const seen = new Set<Part>()
  const visit = (part: Part): void => {
    if (seen.has(part)) return
    seen.add(part)
    part.proofs.forEach(visit)
    if (part.block) blocks.set(textOf(part.block.cid), part.block)
  }
  parts.forEach(visit)
  return [...blocks.values()]
}

/** Over what the host will read, where it can be read at all: then a mutation gets past the signature and is met by what comes after. */
const signature = (signer: LocalSigner, model: Model): Uint8Array => {
  try {
    return signer.sign(
      signingPayload({
        issuer: didOf(model.iss),
        audience: didOf(model.aud),
        capabilities: model.att as never,
        expiration: model.exp as number | null,
        notBefore: model.nbf as number,
        nonce: model.nnc as string,
        facts: (model.fct ?? []) as never,
        proofs: model.prf as CID[],
      }),
    )
  } catch {
    return signer.sign(new TextEncoder().encode('what has no payload'))
  }
}

const didOf = (bytes: unknown): DID => didFromPublicKey((bytes as Uint8Array).subarray(2))
