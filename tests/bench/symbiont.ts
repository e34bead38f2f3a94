import { decodeReceipts, encodeInvocations, generateSeed, nonce, readReceipt, textOf, type Ucan, ucansOf } from '@symbiosis/protocol'
import { type API, Delegation, invoke, Message } from '@ucanto/core'
import { ed25519 } from '@ucanto/principal'
import { CAR } from '@ucanto/transport'
import { verification } from './anchor.ts'
import { type Candidate, cost, interleave, type Plan, share } from './rounds.ts'
import { atLeast, figure, type Row } from './rows.ts'
import { nativeSigner, nativeVerifier, stockServer } from './stock.ts'
import { call, callerOf, issue, leasedBy, messageOf, now, openHost } from './world.ts'

/** The caller's side: making a message, and reading its answer with the signature checked. Stock gets OpenSSL for both. */
export const symbiontSide = async (plan: Plan): Promise<Row[]> => {
  const { host, close } = await openHost()
  const caller = await callerOf(host.did, 1, leasedBy(host))
  const nothing = (count: number) => new Array<undefined>(count).fill(undefined)

  const invokes: Candidate = { name: 'ours, invoke and encode', prepare: nothing, run: () => messageOf(caller) }
  const reads: Candidate<{ invocation: Ucan; answer: Uint8Array }> = {
    name: 'ours, decode and verify a receipt',
    async prepare(count) {
      const answers: { invocation: Ucan; answer: Uint8Array }[] = []
      for (let index = 0; index < count; index++) {
        const invocation = await issue(caller)
        const { message } = await host.door(call(encodeInvocations([invocation], ucansOf(caller.proofs))))
        answers.push({ invocation, answer: message })
      }
      return answers
    },
    run({ invocation, answer }) {
      const block = decodeReceipts(answer).get(textOf(invocation.cid))
      if (!block || !readReceipt(block, invocation.cid, host.did).out.ok) throw new Error('The receipt is missing.')
    },
  }

  const seed = generateSeed()
  const [audience, answer] = [await ed25519.derive(seed), await stockServer(seed, { lease: true, native: true })]
  const stock = await stockCaller(audience)
  const verifier = nativeVerifier(audience.did())
  const stockInvokes: Candidate = {
    name: 'stock with OpenSSL, invoke and encode',
    prepare: nothing,
    run: async () => (await stock.message()).body,
  }
  const stockReads: Candidate<{ link: API.UCANLink; answer: Uint8Array }> = {
    name: 'stock with OpenSSL, decode and verify a receipt',
    async prepare(count) {
      const answers: { link: API.UCANLink; answer: Uint8Array }[] = []
      for (let index = 0; index < count; index++) {
        const { link, body } = await stock.message()
        answers.push({ link, answer: await answer(body) })
      }
      return answers
    },
    async run({ link, answer: body }) {
      const message = await CAR.outbound.decode({ headers: { 'content-type': 'application/vnd.ipld.car' }, body })
      const receipt = message.get(link as never) as API.Receipt
      const { ok } = await receipt.verifySignature(verifier as never)
      if (!ok || !receipt.out.ok) throw new Error('The receipt is missing.')
    },
  }

  const least = verification() as Candidate
  const candidates = [invokes, stockInvokes, reads as Candidate, stockReads as Candidate, least]
  const costs = await interleave(candidates, plan)
  await close()
  const times = (what: string, ours: string, theirs: string) => ({
    name: `symbiont: ${what}, against stock with OpenSSL`,
    value: share(costs, theirs, ours),
    unit: '× as fast',
  })
  return [
    atLeast(4, times('invoke and encode', invokes.name, stockInvokes.name)),
    atLeast(2, times('decode and verify a receipt', reads.name, stockReads.name)),
    figure({
      name: 'symbiont: a receipt read by its verification alone, against stock with OpenSSL',
      value: share(costs, stockReads.name, least.name),
      unit: '× as fast',
    }),
    ...candidates.map(({ name }) => figure({ name: `symbiont: ${name}`, value: cost(costs, name), unit: 'µs CPU' })),
  ]
}

/** The same device in stock words: a key of its own, one delegation, one lease. */
const stockCaller = async (audience: ed25519.EdSigner) => {
  const space = await ed25519.generate()
  const seed = generateSeed()
  const device = nativeSigner(seed, await ed25519.derive(seed))
  const give = (issuer: ed25519.EdSigner, to: ed25519.EdSigner, can: API.Ability, resource: ed25519.EdSigner) =>
    Delegation.delegate({ issuer, audience: to, capabilities: [{ can, with: resource.did() }], expiration: now() + 86_400 })
  const proofs = [await give(space, device, 'shelf/*', space), await give(audience, space, 'lease/shelf/*', audience)]
  return {
    async message() {
      const capability = { can: 'shelf/get', with: space.did(), nb: { key: 'alice' } } as const
      const invocation = invoke({ issuer: device, audience, capability, proofs, nonce: nonce(), expiration: now() + 300 })
      const message = await Message.build({ invocations: [invocation] })
      return { link: message.invocationLinks[0] as API.UCANLink, body: (await CAR.outbound.encode(message)).body }
    },
  }
}
