import {
  type Block,
  type Capability,
  cidOf,
  type DID,
  encode,
  encodeCar,
  generateSeed,
  issueUcan,
  type LocalSigner,
  nonce,
  signerFromSeed,
  type Ucan,
} from '@symbiosis/protocol'

/** Who messages are made for: a host, and an ability of it that needs a lease. */
export interface Target {
  readonly host: DID
  readonly can: string
  /** Unix seconds. */
  readonly now: number
}

/**
 * Messages that cost a host as much as its bounds let them, from somebody who has no lease: nothing of them was seen before, everything is in its one
 * form and signed, so that no early step refuses it. Each is refused in the end.
 */
export const JUNK = {
  /** As many signatures as are checked for one message, for proofs that lead nowhere. */
  signatures: async (target: Target): Promise<Uint8Array> => {
    const [caller, others] = [newSigner(), Array.from({ length: 4 }, newSigner)]
    const invocations: Ucan[] = []
    const proofs: Ucan[] = []
    for (let index = 0; index < 48; index++) {
      const mine = await Promise.all(others.map((other) => leaseLike(other, caller.did, target)))
      proofs.push(...mine)
      invocations.push(await invocation(caller, target, mine))
    }
    return messageOf(invocations, proofs)
  },

  /** Two ways at every level, through twenty of them, asked for by every call that fits. */
  diamonds: async (target: Target): Promise<Uint8Array> => {
    const signers = Array.from({ length: 21 }, newSigner)
    const proofs: Ucan[] = []
    let level: Ucan[] = []
    for (let depth = 0; depth + 1 < signers.length; depth++) {
      const [from, to] = [signers[depth] as LocalSigner, signers[depth + 1] as LocalSigner]
      level = await Promise.all([0, 1].map(() => leaseLike(from, to.did, target, level)))
      proofs.push(...level)
    }
    const caller = signers.at(-1) as LocalSigner
    const invocations = await Promise.all(Array.from({ length: 64 }, () => invocation(caller, target, level)))
    return messageOf(invocations, proofs)
  },

  /** The largest message of the largest blocks. */
  fields: async (target: Target): Promise<Uint8Array> => {
    const caller = newSigner()
    const field = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`${index}`.padStart(4, '0'), index]))
    const nb = { a: field, b: field }
    const invocations: Ucan[] = []
    for (let index = 0; index < 60; index++) invocations.push(await invocation(caller, target, [], nb))
    return messageOf(invocations, [])
  },

  /** As many blocks as a message may have, each a UCAN that nobody asks for. */
  blocks: async (target: Target): Promise<Uint8Array> => {
    const caller = newSigner()
    const proofs = await Promise.all(Array.from({ length: 500 }, () => leaseLike(caller, caller.did, target)))
    return messageOf([await invocation(caller, target, proofs.slice(0, 32))], proofs)
  },

  /** As many calls as a message may have, none of them signed by who is said to have made it; small enough for anybody to send. */
  unsigned: async (target: Target): Promise<Uint8Array> => {
    const [caller, other] = [newSigner(), newSigner()]
    const posing = { did: caller.did, sign: other.sign } as LocalSigner
    return messageOf(await Promise.all(Array.from({ length: 64 }, () => invocation(posing, target, []))), [])
  },
} as const

const newSigner = (): LocalSigner => signerFromSeed(generateSeed())

const leaseLike = (from: LocalSigner, to: DID, { host, can, now }: Target, proofs: readonly Ucan[] = []): Promise<Ucan> =>
  issueUcan(from, {
    audience: to,
    capabilities: [{ can: `lease/${can}`, with: host }],
    expiration: now + 3600,
    nonce: nonce(),
    proofs: proofs.map(({ cid }) => cid),
  })

const invocation = (from: LocalSigner, { host, can, now }: Target, proofs: readonly Ucan[], nb: object = { key: 'x' }): Promise<Ucan> =>
  issueUcan(from, {
    audience: host,
    capabilities: [{ can, with: from.did, nb: nb as Capability['nb'] & object }],
    expiration: now + 300,
    nonce: nonce(),
    proofs: proofs.map(({ cid }) => cid),
  })

const messageOf = (execute: readonly Ucan[], proofs: readonly Block[]): Uint8Array => {
  const bytes = encode({ 'ucanto/message@7.0.0': { execute: execute.map(({ cid }) => cid) } })
  const root = { cid: cidOf(bytes), bytes }
  return encodeCar({ roots: [root.cid], blocks: [...proofs, ...execute, root] })
}
