import type { DID } from '@symbiosis/protocol'
import * as Client from '@ucanto/client'
import { type API, Delegation } from '@ucanto/core'
import { ed25519 } from '@ucanto/principal'
import { CAR, HTTP } from '@ucanto/transport'

/**
 * A symbiont made of stock packages only: nothing here or in what it calls comes from Symbiosis, but for the DID and the address of a host. Abilities are
 * written out, as somebody would who has read the protocol and not our code.
 */
export interface StockCall {
  issuer: ed25519.EdSigner
  can: string
  with: string
  nb?: object
  proofs?: readonly API.Delegation[]
}

export interface StockAnswer {
  ok?: { [field: string]: unknown }
  error?: { name: string; message: string; [detail: string]: unknown }
}

export const stockCaller = (host: DID, url: string) => {
  const audience = ed25519.Verifier.parse(host)
  const connection = Client.connect({ id: audience, codec: CAR.outbound, channel: HTTP.open<Record<string, never>>({ url: new URL(url) }) })
  /** Invokes, and verifies the receipt with the stock verifier. */
  return async ({ issuer, can, with: resource, nb = {}, proofs = [] }: StockCall): Promise<StockAnswer> => {
    const invocation = Client.invoke({
      issuer,
      audience,
      capability: { can, with: resource, nb } as never,
      proofs: [...proofs],
      nonce: crypto.randomUUID(),
    })
    const receipt = await invocation.execute(connection as never)
    const verified = await receipt.verifySignature(audience)
    if (verified.error) throw new Error(`The receipt does not verify: ${verified.error.message}`)
    if (receipt.issuer?.did() !== host) throw new Error(`The receipt is issued by ${receipt.issuer?.did()}`)
    return receipt.out as StockAnswer
  }
}

/** The answer of a call that has to succeed. */
export const okOf = <T = { [field: string]: unknown }>({ ok, error }: StockAnswer): T => {
  if (!ok) throw new Error(`Refused: ${error?.name}: ${error?.message}`)
  return ok as T
}

/** A lease, or any archive, as stock reads it. */
export const extractStock = async (bytes: Uint8Array | undefined): Promise<API.Delegation> => {
  const { ok, error } = await Delegation.extract(bytes as Uint8Array)
  if (error) throw error
  return ok
}

export const stockSigner = () => ed25519.generate()
