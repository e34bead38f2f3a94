import {
  type Amounts,
  delegate,
  encodeInvocations,
  endVerified,
  generateSeed,
  type LocalSigner,
  leaseOf,
  type Proof,
  serviceOf,
  signerFromSeed,
  type Ucan,
  ucansOf,
} from '@symbiosis/protocol'
import type { Sample, Told } from '../guests.ts'
import type { Answer, Peer } from './peer.ts'

/** Amounts by service and limit. */
export type Shares = { readonly [service: string]: Amounts }

/** Somebody that leases were leased on to: the rules look at amounts by those, so that the owner is asked no more than once. */
export interface Lessee {
  readonly signer: LocalSigner
  readonly proofs: readonly Proof[]
}

/** Leases to a new space what somebody has, and of the amounts in `shares` so much. */
export const lend = async (peer: Pick<Peer, 'did'>, from: Lessee, shares: Shares = {}): Promise<Lessee> => {
  const signer = signerFromSeed(generateSeed())
  const proofs = from.proofs.map((above) => {
    const { can, nb } = leaseOf(above.ucan) as { can: string; nb?: object }
    return delegate(from.signer, {
      audience: signer.did,
      capabilities: [{ can, with: peer.did, nb: { ...nb, ...shares[serviceOf(can)] } }],
      expiration: above.ucan.expiration,
      proofs: [above],
    })
  })
  return { signer, proofs: await Promise.all(proofs) }
}

/** A new space with a part of what was leased. */
export const lessee = async (peer: Peer, shares?: Shares): Promise<Lessee> =>
  lend(peer, { signer: peer.space, proofs: await peer.leases() }, shares)

/** An answer, and what streams behind it. */
export interface Opened {
  readonly answer: Answer
  readonly body?: ReadableStream<Uint8Array>
}

/** Calls an ability that streams, or may. What breaks its stream off is verified as receipts are. */
export const open = async (
  peer: Peer,
  invocation: Ucan,
  proofs: readonly Proof[],
  { signal, body }: { signal?: AbortSignal; body?: ReadableStream<Uint8Array> } = {},
): Promise<Opened> => {
  const message = encodeInvocations([invocation], ucansOf(proofs))
  const answer = await peer.channel.open(message, { ...(signal && { signal }), ...(body && { body }) })
  const [out] = peer.read(answer.message, [invocation])
  return { answer: out as Answer, ...(answer.body && { body: endVerified(answer.body, invocation.cid, peer.did) }) }
}

/** Runs a sample for a space, to the end of what streams. */
export const run = async (peer: Peer, by: Lessee, sample: Sample): Promise<Told> => {
  const { stream = 'none' } = (await peer.ability(sample.ability)) ?? {}
  for (let tries = 0; ; tries++) {
    const told = await (stream === 'none' ? runPlain(peer, by, sample) : runStreaming(peer, by, sample))
    if (told.out.error?.name !== 'RateLimited' || tries === RETRIES) return told
    await new Promise((resolve) => setTimeout(resolve, (told.out.error?.retryAfter ?? 1) * 1000))
  }
}

/** How often somebody comes back whom a service has no room for at the moment. */
const RETRIES = 5

const runPlain = async (peer: Peer, { signer, proofs }: Lessee, { ability: can, nb = {} }: Sample): Promise<Told> => ({
  out: await peer.call({ signer, can, nb, proofs }),
})

const runStreaming = (peer: Peer, { signer, proofs }: Lessee, { ability: can, nb = {}, body: upload }: Sample): Promise<Told> =>
  peer.patiently(async (signal) => {
    const invocation = await peer.invocation({ signer, can, nb, proofs })
    const { answer, body } = await open(peer, invocation, proofs, { signal, ...(upload && { body: streamed(upload) }) })
    return { out: answer, ...(body && { bytes: new Uint8Array(await new Response(body).arrayBuffer()) }) }
  })

export const streamed = (bytes: Uint8Array): ReadableStream<Uint8Array> =>
  new Response(bytes as Uint8Array<ArrayBuffer>).body as ReadableStream<Uint8Array>
