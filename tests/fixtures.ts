import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Block,
  type Capability,
  type Channel,
  cidOf,
  type DID,
  decodeReceipts,
  delegate,
  encode,
  encodeCar,
  Failure,
  inProcessChannel,
  issueUcan,
  type LocalSigner,
  nonce,
  type Proof,
  type Provided,
  type Refusal,
  type Result,
  readReceipt,
  signerFromSeed,
  type Ucan,
  ucansOf,
} from '@symbiosis/protocol'
import { allow, type Engine, Host, type HostOptions, openLog } from '../host/index.ts'
import { jarService } from './attacks/jar.ts'

const seedOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))

/** The keys of the ucanto test suites: alice owns, bob is given, mallory takes. */
export const alice = signerFromSeed(seedOf('U-bzp2GaFQHso587iSFWPSeCzbSfn_CbNHEz7ilKRZ0'))
export const bob = signerFromSeed(seedOf('G4-QCX1b3a45IzQsQd4gFMMe0UB1UOx9bCsh8uOiKLE'))
export const mallory = signerFromSeed(seedOf('LR9AL2MYkMARuvmV3MJV8sKvbSOdBtpggFCW8K62oZA'))
/** A device of alice's, and any number of others. */
export const numbered = (number: number): LocalSigner =>
  signerFromSeed(new Uint8Array(32).fill(0).map((_, at) => (number >> (8 * at)) & 0xff))
export const phone = numbered(1)
export const laptop = numbered(2)

/** When the fixtures live: the clock stands still unless a test moves it. */
export const NOW = 1_800_000_000
export const HOUR = 3600

export const silent = openLog({ level: 'silent' })

/** An engine that keeps nothing. */
export const emptyEngine = (): Engine => ({
  collect: async () => ({ kept: 0, removed: 0, bytes: 0 }),
  stats: () => ({ blocks: 0, bytes: 0 }),
  close: async () => {},
})

/** Temporary folders of one suite, removed after it. */
export const folders = (): (() => string) => {
  const made: string[] = []
  after(() => {
    for (const path of made) rmSync(path, { recursive: true, force: true })
  })
  return () => {
    const path = mkdtempSync(join(tmpdir(), 'symbiosis-'))
    made.push(path)
    return path
  }
}

/** The key of the host in a folder: tests sign what no honest host would. */
export const hostSigner = (dir: string): LocalSigner => {
  const { seed } = JSON.parse(readFileSync(join(dir, 'host.key'), 'utf8')) as { seed: string }
  return signerFromSeed(seedOf(seed))
}

export interface WorldOptions extends Partial<Omit<HostOptions, 'engine' | 'services'>> {
  dir: string
  /** One that keeps nothing, unless told. */
  engine?: Engine
  services?: Provided[]
}

/** A host with the jar service, a clock that a test moves, and the ways to talk to it. */
export class World {
  readonly host: Host
  readonly signer: LocalSigner
  readonly channel: Channel
  readonly dir: string
  now = NOW

  private constructor(host: Host, dir: string) {
    this.host = host
    this.dir = dir
    this.signer = hostSigner(dir)
    this.channel = inProcessChannel(host.door)
  }

  static async open({ dir, engine = emptyEngine(), services = [jarService()], ...options }: WorldOptions): Promise<World> {
    let world: World | undefined
    const now = () => world?.now ?? NOW
    // No manifest where a test isn't about it: its entry would stand among those that tests of the log count.
    const quiet = { log: silent, collectEvery: 0, manifestLife: 0 }
    const host = await Host.open({ dir, engine, services: () => services, consent: allow, now, ...quiet, ...options })
    world = new World(host, dir)
    return world
  }

  get did(): DID {
    return this.host.did
  }

  /** A lease of this host's, with whatever a test wants to be wrong about it. */
  lease(to: LocalSigner, over: Partial<LeaseOptions> = {}): Promise<Proof> {
    return this.sublease(this.signer, to, over)
  }

  /** The same from somebody who has one. */
  sublease(from: LocalSigner, to: LocalSigner, over: Partial<LeaseOptions> = {}): Promise<Proof> {
    const { can = 'lease/jar/*', host = this.did, nb, expiration = this.now + HOUR, notBefore, proofs = [] } = over
    return delegate(from, {
      audience: to.did,
      capabilities: [{ can, with: host, ...(nb && { nb: nb as never }) }],
      expiration,
      ...(notBefore !== undefined && { notBefore }),
      proofs,
    })
  }

  /** Sends one call, whatever is wrong about it. */
  async call(from: LocalSigner, call: Partial<CallShape>): Promise<Result<Record<string, unknown>, Refusal>> {
    const { proofs = [], attach = [] } = call
    const invocation = await this.invocation(from, call)
    return this.send(invocation, ucansOf([...proofs, ...attach]))
  }

  async invocation(from: LocalSigner, call: Partial<CallShape>): Promise<Ucan> {
    const { can = 'jar/look', subject = from.did, nb = {}, proofs = [], expiration = this.now + 60, notBefore, audience = this.did } = call
    return issueUcan(from, {
      audience,
      capabilities: call.capabilities ?? [{ can, with: subject, nb: nb as never }],
      expiration,
      ...(notBefore !== undefined && { notBefore }),
      nonce: nonce(),
      proofs: proofs.map(({ ucan }) => ucan.cid),
    })
  }

  /** Sends an invocation with the blocks beside it, and reads the verified receipt. */
  async send(invocation: Ucan, blocks: readonly Block[], channel = this.channel): Promise<Result<Record<string, unknown>, Refusal>> {
    const answer = await channel.request(messageOf([invocation], [...blocks, invocation]))
    const receipt = decodeReceipts(answer).get(String(invocation.cid))
    assert.ok(receipt, 'there is no receipt for the call')
    return readReceipt<Record<string, unknown>>(receipt, invocation.cid, this.did).out
  }

  close = () => this.host.close()
}

export interface LeaseOptions {
  can: string
  /** The DID that the lease is over. */
  host: string
  nb: Record<string, unknown>
  expiration: number | null
  notBefore: number
  proofs: readonly Proof[]
}

export interface CallShape {
  can: string
  subject: string
  nb: Record<string, unknown>
  capabilities: readonly Capability[]
  proofs: readonly Proof[]
  /** UCANs that come along without being named. */
  attach: readonly Proof[]
  expiration: number | null
  notBefore: number
  audience: DID
}

/** Delegates in the ordinary way; `over` bends it. */
export const given = (
  from: LocalSigner,
  to: LocalSigner,
  subject: string,
  over: {
    can?: string
    nb?: Record<string, unknown>
    expiration?: number | null
    notBefore?: number
    facts?: Ucan['facts']
    proofs?: readonly Proof[]
    capabilities?: readonly Capability[]
  } = {},
): Promise<Proof> => {
  const { can = 'jar/*', nb, expiration = NOW + HOUR, notBefore, facts, proofs = [], capabilities } = over
  return delegate(from, {
    audience: to.did,
    capabilities: capabilities ?? [{ can, with: subject, ...(nb && { nb: nb as never }) }],
    expiration,
    ...(notBefore !== undefined && { notBefore }),
    ...(facts && { facts }),
    proofs,
  })
}

/** A message of any blocks, bent ones too: nothing is checked. */
export const messageOf = (execute: readonly Pick<Block, 'cid'>[], blocks: readonly Block[]): Uint8Array => {
  const bytes = encode({ 'ucanto/message@7.0.0': { execute: execute.map(({ cid }) => cid) } })
  const root = { cid: cidOf(bytes), bytes }
  return encodeCar({ roots: [root.cid], blocks: [...blocks, root] })
}

/** `ok`, or the code of the refusal, whether it came as a receipt or was thrown. Anything else that's thrown is a failed test. */
export const verdict = async (answer: Promise<Result<unknown, Refusal>>): Promise<string> => {
  try {
    const { error } = await answer
    return error ? error.name : 'ok'
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.name
    throw thrown
  }
}

/** Asserts the code of an answer, and details of it. */
export const expect = async (
  answer: Promise<Result<unknown, Refusal>>,
  code: string,
  details: Record<string, unknown> = {},
): Promise<void> => {
  const refusal = await answer.then(
    ({ error }) => error,
    (thrown: unknown) => {
      if (thrown instanceof Failure) return thrown.toRefusal()
      throw thrown
    },
  )
  assert.equal(refusal?.name ?? 'ok', code, refusal?.message)
  for (const [name, value] of Object.entries(details)) assert.deepEqual(refusal?.[name], value, `the refusal's "${name}"`)
}

/** A world for a suite: a host, alice with a lease of it, and her phone with a delegation of hers. */
export interface Stage {
  world: World
  /** Of the host, to alice: `lease/jar/*`. */
  lease: Proof
  /** Of alice, to her phone: `jar/*`. */
  device: Proof
}

export const setTheStage = (options: () => Partial<WorldOptions> = () => ({})): Stage => {
  const folder = folders()
  const stage = {} as Stage
  before(async () => {
    stage.world = await World.open({ dir: folder(), ...options() })
    stage.lease = await stage.world.lease(alice)
    stage.device = await given(alice, phone, alice.did)
  })
  after(() => stage.world?.close())
  return stage
}
