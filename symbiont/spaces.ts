import { type DID, delegate, generateSeed, signerFromSeed } from '@symbiosis/protocol'
import { keep, keepDelegation } from './holdings.ts'
import { phraseOf, seedOf } from './phrase.ts'
import type { Self } from './self.ts'

/** A space that was made, and the words that bring it back. */
export interface NewSpace {
  did: DID
  /** 24 words that make the space's key again. Show them once: they are kept nowhere. */
  phrase: string
}

/** Makes a space, hands all of it to the agent, and forgets its key. */
export const createSpace = async (self: Self): Promise<NewSpace> => {
  const seed = generateSeed()
  const phrase = phraseOf(seed)
  return { did: await handOver(self, seed), phrase }
}

/**
 * Hands a space to this device by its phrase, whatever became of the devices that had it.
 * @throws Failure InvalidInput
 */
export const recoverSpace = async (self: Self, phrase: string): Promise<{ did: DID }> => ({ did: await handOver(self, seedOf(phrase)) })

const handOver = async ({ holdings, signer, now }: Self, seed: Uint8Array): Promise<DID> => {
  const space = signerFromSeed(seed)
  seed.fill(0)
  const delegation = await delegate(space, { audience: signer.did, capabilities: [{ can: '*', with: space.did }], expiration: null })
  await holdings.update((state) => keepDelegation(state, space.did, true, keep(delegation, now())))
  return space.did
}
