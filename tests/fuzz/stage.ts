import { type Block, type DID, type LocalSigner, signerFromSeed } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { HOUR, NOW, numbered } from '../fixtures.ts'
import { named, type Part, part, type Said, sealed, written } from './sealing.ts'

/** The host's key: known, so that its leases can be made here and a run is the same whenever it is made. */
export const HOST_SEED = new Uint8Array(32).fill(77)

/** A space's DAG: the root and what is below it. */
export interface Dag {
  readonly root: CID
  readonly blocks: readonly Block[]
}

/** A caller with what it shows for each service. */
export interface Caller {
  readonly signer: LocalSigner
  readonly space: DID
  readonly proofs: { readonly [service: string]: readonly Part[] }
}

/** What all cases of all runs share. Nothing in it is made by chance. */
export interface Stage {
  readonly host: DID
  readonly signer: LocalSigner
  readonly operator: Caller
  readonly callers: readonly Caller[]
  readonly strangers: readonly LocalSigner[]
  /** Leases and delegations, for whoever wants them in a wrong place. */
  readonly proofs: readonly Part[]
  /** Calls of `access/request` that wait for the owner once they were sent. */
  readonly requests: readonly Part[]
  readonly dags: readonly Dag[]
  readonly roots: readonly CID[]
  /** Twenty levels in which each names the one above twice, and two UCANs that name each other by false names. */
  readonly diamond: Part
  readonly cycle: readonly Block[]
}

export const openStage = (): Stage => {
  const signer = signerFromSeed(HOST_SEED)
  const host = signer.did
  const [alice, phone, bob, laptop, operator] = [1001, 1002, 1003, 1004, 1005].map(numbered) as [LocalSigner, ...LocalSigner[]] as Five
  const say = (from: LocalSigner, to: LocalSigner, said: Said, proofs: readonly Part[] = []) =>
    sealed(part(from, to.did, { exp: NOW + HOUR, nnc: 'stage', ...said }, proofs))
  const lease = (id: string, nb: object) => say(signer, alice, { can: `lease/${id}/*`, with: host, nb })
  const leases = { pin: lease('pin', { bytes: 50_000_000, pins: 60 }), dag: lease('dag', { bytes: 50_000_000 }) }
  const sub = (id: 'pin' | 'dag') => say(alice, bob, { can: `lease/${id}/*`, with: host, nb: { bytes: 10_000_000 } }, [leases[id]])
  const subleases = { pin: sub('pin'), dag: sub('dag') }
  const toPhone = say(alice, phone, { can: '*', with: alice.did, exp: null })
  const toLaptop = say(phone, laptop, { can: 'pin/*', with: alice.did }, [toPhone])
  const operates = say(signer, operator, { can: 'host/*', with: host, exp: null })
  const callers: Caller[] = [
    { signer: alice, space: alice.did, proofs: { pin: [leases.pin], dag: [leases.dag] } },
    {
      signer: phone,
      space: alice.did,
      proofs: { pin: [toPhone, leases.pin], dag: [toPhone, leases.dag], access: [toPhone], ucan: [toPhone] },
    },
    { signer: laptop, space: alice.did, proofs: { pin: [toLaptop, leases.pin], dag: [toLaptop, leases.dag] } },
    { signer: bob, space: bob.did, proofs: { pin: [subleases.pin], dag: [subleases.dag] } },
  ]
  const dags = Array.from({ length: 8 }, (_, index) => dagOf(index))
  const ask = (number: number) =>
    sealed(
      part(numbered(2000 + number), host, {
        can: 'access/request',
        with: numbered(2000 + number).did,
        nb: { abilities: [{ can: 'pin/*' }], why: 'ask' },
        exp: NOW + 300,
      }),
    )
  return {
    host,
    signer,
    operator: { signer: operator, space: host, proofs: { host: [operates] } },
    callers,
    strangers: [1010, 1011, 1012].map(numbered),
    proofs: [leases.pin, leases.dag, subleases.pin, subleases.dag, toPhone, toLaptop, operates],
    requests: Array.from({ length: 200 }, (_, number) => ask(number)),
    dags,
    roots: [...dags.map(({ root }) => root), ...absentRoots()],
    diamond: diamondOf(phone, alice, host),
    cycle: cycleOf(alice, phone),
  }
}

type Five = [LocalSigner, LocalSigner, LocalSigner, LocalSigner, LocalSigner]

const dagOf = (index: number): Dag => {
  const leaves = Array.from({ length: 1 + index * 2 }, (_, leaf) =>
    named(written({ leaf, of: index, filling: new Uint8Array(100 * index) })),
  )
  const root = named(written({ index, links: leaves.map(({ cid }) => cid) }))
  return { root: root.cid, blocks: [root, ...leaves] }
}

/** What nobody has: of several codecs, of version 0, of other hashes, and one that holds its bytes itself. */
const absentRoots = (): CID[] => {
  const digest = (code: number, length: number) => Digest.create(code, new Uint8Array(length).fill(code))
  return [
    CID.createV1(0x71, digest(0x12, 32)),
    CID.createV1(0x55, digest(0x12, 32)),
    CID.createV1(0x70, digest(0x13, 64)),
    CID.createV0(digest(0x12, 32) as never),
    CID.createV1(0x55, digest(0, 4)),
    CID.createV1(0x71, digest(0, 3)),
    CID.createV1(0x0129, digest(0x1b, 32)),
    CID.createV1(0x300000, digest(0x12, 32)),
  ]
}

const diamondOf = (from: LocalSigner, to: LocalSigner, host: DID): Part => {
  let top = sealed(part(from, to.did, { can: 'pin/*', with: host, exp: NOW + HOUR, nnc: 'top' }))
  for (let level = 0; level < 20; level++) {
    const [by, next] = level % 2 === 0 ? [to, from] : [from, to]
    top = sealed(part(by, next.did, { can: 'pin/*', with: host, exp: NOW + HOUR, nnc: `level ${level}` }, [top, top]))
  }
  return top
}

const cycleOf = (a: LocalSigner, b: LocalSigner): Block[] => {
  const names = ['first', 'second'].map((name) => named(written({ name })).cid) as [CID, CID]
  const link = (by: LocalSigner, to: LocalSigner, prf: CID) => {
    const { model, ...rest } = part(by, to.did, { can: '*', with: a.did })
    return sealed({ ...rest, model: { ...model, prf: [prf] } }).block as Block
  }
  return [
    { cid: names[0], bytes: link(a, b, names[1]).bytes },
    { cid: names[1], bytes: link(b, a, names[0]).bytes },
  ]
}
