import { type Bounds, type DID, decodeCar, type Revocation, type UcanMemory } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'

/** A message with one call and its proofs has two or three thousand; a larger one isn't looked into before its turn. */
const MAX_BYTES = 8 * 1024

/**
 * Whether a message shows something that this host signed and whose signature it has checked before, such as a lease. It proves nothing: who calls is known when
 * they have signed. But hardly anybody else has those bytes, and to compare them costs next to nothing.
 */
export const isFamiliar = (
  message: Uint8Array,
  bounds: Bounds,
  memory: UcanMemory,
  host: DID,
  revocations: (ucan: CID) => readonly Revocation[],
): boolean => {
  if (message.length > MAX_BYTES) return false
  try {
    const { blocks } = decodeCar(message, { maxBlocks: bounds.blocks, maxBlockBytes: bounds.blockBytes })
    return blocks.some((block) => {
      const ucan = memory.recall(block)
      return ucan !== undefined && ucan.issuer === host && memory.verdictOn(ucan) === true && revocations(ucan.cid).length === 0
    })
  } catch {
    // What is no message is refused in its turn.
    return false
  }
}
