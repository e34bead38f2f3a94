import assert from 'node:assert/strict'
import type { Host } from '@symbiosis/host'
import { admit, BOUNDS, type Door, decodeReceipts, encodeReceipts, issueReceipt, readReceipt, UcanMemory } from '@symbiosis/protocol'
import { openIdentity } from '../../host/identity.ts'

/** What a host says in place of the truth, or as far as it isn't the truth; nothing where undefined. It is given the truth, and what was asked. */
export type Lie = (truth: never, nb: never) => object | undefined | Promise<object | undefined>

/** The door of a host that lies about some abilities, and signs it. */
export const lyingDoor = (host: Host, lies: { readonly [can: string]: Lie | undefined }): Door => {
  const { signer } = openIdentity(host.dir)
  return async (call) => {
    const answer = await host.door(call)
    const [invocation] = admit(call.message, BOUNDS, new UcanMemory()).invocations
    const [capability] = invocation?.capabilities ?? []
    const lie = lies[capability?.can ?? '']
    if (!invocation || !lie) return answer
    const receipt = decodeReceipts(answer.message).get(String(invocation.cid))
    assert.ok(receipt)
    const truth = readReceipt<never>(receipt, invocation.cid, host.did).out.ok as never
    const said = await lie(truth, capability?.nb as never)
    const out = said ? { ok: { ...(truth as object), ...said } } : { error: { name: 'NotFound', message: '' } as const }
    return { message: encodeReceipts([{ ran: invocation.cid, block: issueReceipt(signer, invocation.cid, out) }]) }
  }
}
