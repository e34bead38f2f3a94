import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { allow, type Engine, Host, openLog } from '@symbiosis/host'
import {
  ability,
  access,
  type DID,
  delegate,
  encodeInvocations,
  extract,
  generateSeed,
  inProcessChannel,
  int,
  invoke,
  issueUcan,
  type LocalSigner,
  nonce,
  type Proof,
  type Provided,
  provide,
  service,
  signerFromSeed,
  struct,
  text,
  type Ucan,
  ucansOf,
  unwrap,
} from '@symbiosis/protocol'
import { newFolder, removeFolder } from './folders.ts'
import type { Candidate } from './rounds.ts'

export const now = (): number => Math.floor(Date.now() / 1000)
const newSigner = (): LocalSigner => signerFromSeed(generateSeed())

/** The least that a service can do: what a call costs beside it is what is measured. */
export const shelf = service('shelf', {
  rev: 1,
  about: 'Reads from memory',
  abilities: {
    get: ability({ about: 'Reads', effect: 'read', nb: struct({ key: text() }), ok: struct({ key: text(), size: int() }) }),
    put: ability({ about: 'Writes', effect: 'idempotent', nb: struct({ key: text() }), ok: struct({ key: text() }) }),
  },
})
export const shelfHost = provide(shelf, {
  get: ({ key }) => ({ key, size: key.length }),
  put: ({ key }, { commit }) =>
    commit(async (tx) => {
      await tx.put(key, true)
      return { key }
    }),
})

export const noBlocks: Engine = {
  collect: async () => ({ kept: 0, removed: 0, bytes: 0 }),
  stats: () => ({ blocks: 0, bytes: 0 }),
  close: async () => {},
}

/** A host as it is run, with every check on, in a folder of its own. */
export const openHost = async <E extends Engine = Engine>(
  services: (engine: E) => Provided[] = () => [shelfHost],
  engine: (dir: string) => Promise<E> = async () => noBlocks as E,
): Promise<{ host: Host; engine: E; close(): Promise<void> }> => {
  const dir = await newFolder()
  const opened = await engine(dir)
  const host = await Host.open<E>({
    dir: join(dir, 'host'),
    engine: opened,
    services,
    consent: allow,
    collectEvery: 0,
    log: openLog({ level: 'warn' }),
  })
  const close = async () => {
    await host.close()
    await removeFolder(dir)
  }
  return { host, engine: opened, close }
}

/** The key of a host that keeps it in its folder: whoever has it gives leases without asking. */
export const seedOf = (host: Host): Buffer =>
  Buffer.from((JSON.parse(readFileSync(join(host.dir, 'host.key'), 'utf8')) as { seed: string }).seed, 'base64url')

/** Who calls whom on the strength of what. */
export interface Caller {
  readonly signer: LocalSigner
  readonly host: DID
  readonly space: DID
  readonly proofs: readonly Proof[]
}

/** A space and, `length` delegations below it, a device; with whatever `lease` gives the space. */
export const callerOf = async (host: DID, length: number, lease: (space: LocalSigner) => Promise<Proof[]>): Promise<Caller> => {
  const space = newSigner()
  let signer = space
  let chain: Proof[] = []
  for (let link = 0; link < length; link++) {
    const next = newSigner()
    const capabilities = [{ can: 'shelf/*', with: space.did }]
    chain = [await delegate(signer, { audience: next.did, capabilities, expiration: now() + 86_400, proofs: chain })]
    signer = next
  }
  return { signer, host, space: space.did, proofs: [...chain, ...(await lease(space))] }
}

/** The leases that a host gives to a space that asks. */
export const leasedBy =
  (host: Host, can = 'shelf/*') =>
  async (space: LocalSigner): Promise<Proof[]> => {
    const caller = { signer: space, host: host.did, subject: space.did, proofs: [], channel: inProcessChannel(host.door), now }
    const { result } = await invoke(caller, access, 'request', { abilities: [{ can }], ttl: 86_400 })
    return (unwrap(result).leases ?? []).map(extract)
  }

/** The same lease from a key that isn't one of our hosts. */
export const leaseFrom =
  (host: LocalSigner) =>
  async (space: LocalSigner): Promise<Proof[]> => [
    await delegate(host, { audience: space.did, capabilities: [{ can: 'lease/shelf/*', with: host.did }], expiration: now() + 86_400 }),
  ]

/** An invocation that nobody has seen, as `invoke` makes it. */
export const issue = ({ signer, host, space, proofs }: Caller, can = 'shelf/get', nb: object = { key: 'alice' }): Promise<Ucan> =>
  issueUcan(signer, {
    audience: host,
    capabilities: [{ can, with: space, nb: nb as { key: string } }],
    expiration: now() + 300,
    nonce: nonce(),
    proofs: proofs.map(({ ucan }) => ucan.cid),
  })

export const messageOf = async (caller: Caller, can?: string, nb?: object): Promise<Uint8Array> =>
  encodeInvocations([await issue(caller, can, nb)], ucansOf(caller.proofs))

export const messagesOf = async (caller: Caller, count: number, can?: string, nb?: object): Promise<Uint8Array[]> => {
  const messages: Uint8Array[] = []
  for (let index = 0; index < count; index++) messages.push(await messageOf(caller, can, nb))
  return messages
}

export const call = (message: Uint8Array) => ({ message, streams: false, signal: new AbortController().signal, remote: 'bench' })

/** That what is measured is the work and not its refusal. */
export const mustAnswer = async ({ name, prepare, run }: Candidate): Promise<void> => {
  const [message] = await prepare(1)
  const answer = Buffer.from((await run(message)) as Uint8Array).toString('latin1')
  if (!answer.includes('alice') || answer.includes('error')) throw new Error(`${name} refuses: ${answer}`)
}
