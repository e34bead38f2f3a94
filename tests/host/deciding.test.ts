import assert from 'node:assert/strict'
import { join } from 'node:path'
import {
  BOUNDS,
  type Door,
  decodeReceipts,
  delegate,
  encodeInvocations,
  Failure,
  type Guard,
  issueUcan,
  nonce,
  type Proof,
  type Revocation,
  readReceipt,
  textOf,
  type Ucan,
  UcanMemory,
  Undecided,
  ucansOf,
} from '@symbiosis/protocol'
import { answering } from '../../host/answering.ts'
import { Cuts } from '../../host/cuts.ts'
import { Dispatcher, routesOf } from '../../host/dispatch.ts'
import { Gate } from '../../host/gate.ts'
import { sqliteStore } from '../../host/index.ts'
import { Metrics } from '../../host/metrics.ts'
import type { Store } from '../../host/store/store.ts'
import { jarService } from '../attacks/jar.ts'
import { alice, bob, emptyEngine, folders, given, HOUR, NOW, phone, silent } from '../fixtures.ts'

/** A door that has to look every link up before it knows who revoked it. */
class Library {
  readonly revoked = new Map<string, Revocation>()
  readonly known = new Set<string>()
  lookups = 0
  forgets = false
  failure: Failure | undefined
  during: (() => void) | undefined
  onRead: ((name: string) => void) | undefined
  readonly cuts = new Cuts(() => {})
  readonly door: Door
  readonly gate = new Gate()
  readonly closing = new AbortController()
  readonly store: Store

  constructor(path: string, maxDecisions: number) {
    this.store = sqliteStore(path)
    const routes = routesOf([jarService()])
    const guard = (): Guard => ({
      host: bob.did,
      now: NOW,
      maxLife: 600,
      bounds: BOUNDS,
      ability: (can) => routes.get(can),
      revocations: (ucan) => this.#of(textOf(ucan)),
    })
    const never = new AbortController().signal
    const dispatcher = new Dispatcher({
      store: this.store,
      cuts: this.cuts,
      closing: never,
      aborting: never,
      onHeld: async () => {},
      checking: async (_call, _message, _invocation, run) => run(),
      unexpected: () => {},
    })
    const zero = () => 0
    const metrics = new Metrics({
      strangers: zero,
      streams: zero,
      pending: zero,
      revocations: zero,
      unverified: zero,
      stats: emptyEngine().stats,
      entries: async () => 0,
      followed: () => [],
      now: () => NOW,
    })
    this.door = answering({
      signer: bob,
      bounds: BOUNDS,
      guard,
      memory: new UcanMemory(),
      gate: this.gate,
      isPeer: () => false,
      dispatcher,
      metrics,
      log: silent,
      hearAgain: () => {},
      maxDecisions,
      closing: this.closing.signal,
    })
  }

  revoke({ ucan: { cid } }: Proof): void {
    const name = textOf(cid)
    const revocation = { ucan: name, by: alice.did, at: NOW, expiration: null, cause: name }
    this.revoked.set(name, revocation)
    this.cuts.revoked([revocation])
  }

  #of(name: string): readonly Revocation[] {
    if (this.known.has(name)) {
      if (this.forgets) this.known.delete(name)
      this.onRead?.(name)
      const revocation = this.revoked.get(name)
      return revocation ? [revocation] : []
    }
    throw new Undecided({ name: 'Unavailable', message: 'It has to be looked up.', retryAfter: 1 }, async () => {
      this.lookups++
      await new Promise((resolve) => setImmediate(resolve))
      this.during?.()
      if (this.failure) throw this.failure
      this.known.add(name)
    })
  }
}

describe('a decision that lacks something', () => {
  const folder = folders()
  const opened: Library[] = []
  const library = (maxDecisions = 16) => {
    const made = new Library(join(folder(), 'host.sqlite'), maxDecisions)
    opened.push(made)
    return made
  }
  after(() => Promise.all(opened.map(({ store }) => store.close())))

  const lease = () => delegate(bob, { audience: alice.did, capabilities: [{ can: 'lease/jar/*', with: bob.did }], expiration: NOW + HOUR })

  const look = (proofs: readonly Proof[], can = 'jar/look', nb = {}): Promise<Ucan> =>
    issueUcan(phone, {
      audience: bob.did,
      capabilities: [{ can, with: alice.did, nb }],
      expiration: NOW + 60,
      nonce: nonce(),
      proofs: proofs.map(({ ucan }) => ucan.cid),
    })

  /** The codes that calls end with, sent in one message: over a connection, or from within the process. */
  const codes = async (
    { door }: Library,
    proofs: readonly Proof[],
    calls: readonly Ucan[],
    { connection, signal = new AbortController().signal }: { connection?: object; signal?: AbortSignal } = {},
  ): Promise<string[]> => {
    const message = encodeInvocations(calls, ucansOf(proofs))
    const answer = await door({ message, streams: true, signal, remote: 'test', ...(connection && { connection }) })
    const receipts = decodeReceipts(answer.message)
    return calls.map(({ cid }) => {
      const receipt = receipts.get(String(cid))
      assert.ok(receipt)
      return readReceipt(receipt, cid, bob.did).out.error?.name ?? 'ok'
    })
  }

  it('is made again when that was had, for each call of a message by itself', async () => {
    const host = library()
    const [leased, good, bad] = [
      await lease(),
      await given(alice, phone, alice.did),
      await given(alice, phone, alice.did, { can: 'jar/look' }),
    ]
    host.revoke(bad)
    assert.deepEqual(await codes(host, [good, bad, leased], [await look([good, leased]), await look([bad, leased])]), ['ok', 'Revoked'])
    // The lease may be asked for by both before the first has it.
    assert.ok(host.lookups === 3 || host.lookups === 4, `${host.lookups}`)
    const before = host.lookups
    assert.deepEqual(await codes(host, [good, leased], [await look([good, leased])]), ['ok'])
    assert.equal(host.lookups, before)
  })

  it('tells a stranger from others once it is made', async () => {
    const host = library()
    const proofs = [await given(alice, phone, alice.did), await lease()]
    const connection = { destroy() {} }
    host.gate.opened(connection)
    await host.gate.enter(connection)
    assert.deepEqual(await codes(host, proofs, [await look(proofs)], { connection }), ['ok'])
    host.gate.leave(connection)
    assert.equal(host.gate.strangers, 0)
    const other = { destroy() {} }
    host.gate.opened(other)
    await host.gate.enter(other)
    const [bad, leased] = [await given(alice, phone, alice.did, { can: 'jar/look' }), await lease()]
    host.revoke(bad)
    assert.deepEqual(await codes(host, [bad, leased], [await look([bad, leased])], { connection: other }), ['Revoked'])
    assert.equal(host.gate.strangers, 1)
  })

  it('is refused where it goes on lacking something: so many times it is made, and no more', async () => {
    const host = library(3)
    host.forgets = true
    const proofs = [await given(alice, phone, alice.did), await lease()]
    assert.deepEqual(await codes(host, proofs, [await look(proofs)]), ['Unavailable'])
    assert.equal(host.lookups, 2)
  })

  it('is refused as what it lacks can not be had', async () => {
    const host = library()
    const proofs = [await given(alice, phone, alice.did), await lease()]
    host.failure = new Failure('StaleLog', 'Nobody answers.')
    assert.deepEqual(await codes(host, proofs, [await look(proofs)]), ['StaleLog'])
    host.failure = undefined
    assert.deepEqual(await codes(host, proofs, [await look(proofs)]), ['ok'])
  })

  it('is not made any more where the caller has left, or the host closes', async () => {
    for (const leave of [(_: Library, caller: AbortController) => caller.abort(), (host: Library) => host.closing.abort()]) {
      const host = library()
      const caller = new AbortController()
      host.during = () => leave(host, caller)
      const proofs = [await given(alice, phone, alice.did), await lease()]
      assert.deepEqual(await codes(host, proofs, [await look(proofs)], { signal: caller.signal }), ['Cancelled'])
      assert.equal(host.lookups, 1)
    }
  })

  it('begins its call at once: what is revoked right after finds it under way', async () => {
    const host = library()
    const [good, leased] = [await given(alice, phone, alice.did), await lease()]
    const last = textOf(leased.ucan.cid)
    host.onRead = (name) => {
      if (name === last) queueMicrotask(() => host.revoke(good))
    }
    assert.deepEqual(await codes(host, [good, leased], [await look([good, leased], 'jar/pour', { bytes: 10 })]), ['Revoked'])
  })
})
