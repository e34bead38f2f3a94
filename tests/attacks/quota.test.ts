import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import {
  access,
  type DID,
  decodeReceipts,
  extract,
  httpChannel,
  invoke,
  type LocalSigner,
  type Proof,
  type Refusal,
  type Result,
  readReceipt,
  ucansOf,
  unwrap,
} from '@symbiosis/protocol'
import { unixChannel } from '@symbiosis/protocol/unix'
import { alice, expect, folders, HOUR, messageOf, NOW, numbered, setTheStage } from '../fixtures.ts'
import { startHost } from '../host/processes.ts'
import { vault, vaultService } from './vault.ts'

type Outcome = Result<unknown, Refusal>
const PROVIDER = numbered(900)
const RESELLERS = [numbered(901), numbered(902)] as const

/** Everything that a lease allows in amount, against callers who all want the last of it at once. */
describe('quota', () => {
  const stage = setTheStage()
  let url: string
  before(async () => {
    url = (await stage.world.host.listen()).url as string
  })

  const put = (who: LocalSigner, proofs: readonly Proof[], thing: string, size: number, channel = httpChannel(url)): Promise<Outcome> =>
    stage.world
      .invocation(who, { can: 'jar/put', nb: { thing, size }, proofs })
      .then((call) => stage.world.send(call, ucansOf(proofs), channel))
  /** Refusals that are anything but the one of a limit, with all that it has to say. */
  const unlike = (answers: readonly Outcome[]) =>
    answers.filter(
      ({ error }) =>
        error &&
        !(
          error.name === 'LimitExceeded' &&
          (error.used as number) <= (error.limit as number) &&
          (error.used as number) + (error.asked as number) > (error.limit as number)
        ),
    )

  /**
   * Host -> provider (100,000) -> two resellers (70,000 each) -> ten spaces each (20,000 each), the spaces of the second by two leases. Whatever is promised below, the
   * provider has 100,000.
   */
  const chain = async (expiration: number) => {
    const { world } = stage
    const top = await world.lease(PROVIDER, { nb: { bytes: 100_000, things: 1000 }, expiration })
    const middle = await Promise.all(
      RESELLERS.map((reseller) => world.sublease(PROVIDER, reseller, { nb: { bytes: 70_000 }, proofs: [top], expiration })),
    )
    const spaces = Array.from({ length: 20 }, (_, at) => numbered(910 + at))
    const leases = await Promise.all(
      spaces.map((space, at) =>
        Promise.all(
          Array.from({ length: 1 + (at % 2) }, () =>
            world.sublease(RESELLERS[at % 2] as LocalSigner, space, {
              nb: { bytes: 20_000 },
              proofs: [middle[at % 2] as Proof],
              expiration,
            }),
          ),
        ),
      ),
    )
    return { top, middle, spaces, leases }
  }

  it('of one chain is overshot by no byte by two hundred writers over HTTP, and every other one is told so', async () => {
    const { world } = stage
    const { top, middle, spaces, leases } = await chain(NOW + HOUR)
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, at) => put(spaces[at % 20] as LocalSigner, leases[at % 20] as Proof[], `t${at}`, 1000)),
    )
    assert.equal(answers.filter(({ ok }) => ok).length, 100)
    assert.deepEqual(unlike(answers), [])
    const byReseller = (which: number) => answers.filter(({ ok }, at) => ok && at % 2 === which).length
    for (const which of [0, 1]) assert.ok(byReseller(which) <= 70, `${byReseller(which)}`)
    await expect(put(PROVIDER, [top], 'own', 1), 'LimitExceeded', { limit: 100_000, used: 100_000 })
    await expect(put(PROVIDER, [top], 'nothing', 0), 'ok')

    // Renewing any lease of the chain, or all of them, brings nothing back.
    world.now = NOW + 1800
    const renewed = await chain(NOW + 2 * HOUR)
    const [first, ...rest] = spaces as [LocalSigner, ...LocalSigner[]]
    for (const proofs of [leases[0], renewed.leases[0], [...(leases[0] as Proof[]), ...(renewed.leases[0] as Proof[])]])
      await expect(put(first, proofs as Proof[], 'more', 1), 'LimitExceeded', { used: 100_000 })
    const mixed = await world.sublease(RESELLERS[0], first, { proofs: [middle[0] as Proof, renewed.middle[0] as Proof] })
    await expect(put(first, [mixed], 'more', 1), 'LimitExceeded')

    // What one space takes away, any other space of the chain can have, and no more than that.
    const [freed] = answers.flatMap(({ ok }, at) => (ok ? [at] : [])) as [number]
    await expect(
      world.call(spaces[freed % 20] as LocalSigner, { can: 'jar/drop', nb: { thing: `t${freed}` }, proofs: leases[freed % 20] as Proof[] }),
      'ok',
    )
    const again = await Promise.all(rest.map((space, at) => put(space, renewed.leases[at + 1] as Proof[], 'again', 100)))
    const underTheirs = again.filter(({ error }) => error).every(({ error }) => error?.limit === 70_000 || error?.limit === 100_000)
    assert.ok(underTheirs)
    assert.equal(again.filter(({ ok }) => ok).length, 10)
    world.now = NOW
  })

  it('of one lease is overshot by no batch, nor by several at a time', async () => {
    const { world } = stage
    const who = numbered(950)
    const lease = await world.lease(who, { nb: { bytes: 100, things: 1000 } })
    const batch = async (name: number) => {
      const calls = await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          world.invocation(who, { can: 'jar/put', nb: { thing: `${name}/${at}`, size: 1 }, proofs: [lease] }),
        ),
      )
      const receipts = decodeReceipts(await httpChannel(url).request(messageOf(calls, [lease.ucan, ...calls])))
      return calls.map(({ cid }) => readReceipt(receipts.get(String(cid)) as never, cid, world.did).out as Outcome)
    }
    const answers = (await Promise.all([0, 1, 2, 3].map(batch))).flat()
    assert.deepEqual([answers.length, answers.filter(({ ok }) => ok).length], [200, 100])
    assert.deepEqual(unlike(answers), [])
  })

  it('of a thing that many rewrite at once counts the last of it, and no rewriting passes the limit', async () => {
    const { world } = stage
    const who = numbered(951)
    const lease = await world.lease(who, { nb: { bytes: 100 } })
    const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => put(who, [lease], 'same', at)))
    assert.ok(answers.every(({ error }, at) => (error !== undefined) === at > 100))
    const dropped = world.call(who, { can: 'jar/drop', nb: { thing: 'same' }, proofs: [lease] })
    await expect(dropped, 'ok')
    await expect(put(who, [lease], 'all', 100), 'ok')
    await expect(put(who, [lease], 'over', 1), 'LimitExceeded', { used: 100 })
  })
})

describe('what is reserved', () => {
  const stage = setTheStage(() => ({ services: [vaultService()] }))
  const folder = folders()

  it('is given back where the work fails, however it fails', async () => {
    const { world } = stage
    const lease = await world.lease(alice, { can: 'lease/vault/*', nb: { bytes: 100 } })
    const put = (bytes: number, fate: string) => world.call(alice, { can: 'vault/put', nb: { bytes, fate }, proofs: [lease] })
    for (const [fate, code] of [
      ['throw', 'Internal'],
      ['refuse', 'Unavailable'],
      ['return what is no value', 'Internal'],
    ] as const) {
      await expect(put(100, fate), code)
      const many = await Promise.all(Array.from({ length: 20 }, () => put(60, fate)))
      assert.ok(many.every(({ error }) => error?.name === code))
    }
    // Side by side with work that doesn't fail, in the same commit.
    const mixed = await Promise.all(Array.from({ length: 20 }, (_, at) => put(10, at % 2 ? 'throw' : 'keep')))
    assert.equal(mixed.filter(({ ok }) => ok).length, 10)
    await expect(put(1, 'keep'), 'LimitExceeded', { used: 100 })
  })

  it('is not where the host dies between reserving and writing', async () => {
    const dir = folder()
    const program = join(import.meta.dirname, 'vault-host.ts')
    const now = () => Math.floor(Date.now() / 1000)
    const callerOf = (did: string, socket: string, proofs: readonly Proof[]) => ({
      signer: alice,
      host: did as DID,
      subject: alice.did,
      proofs,
      channel: unixChannel(socket),
      now,
    })
    const { child, did, socket } = await startHost(dir, program)
    const asked = await invoke(callerOf(did, socket, []), access, 'request', { abilities: [{ can: 'vault/*', limits: { bytes: 100 } }] })
    const lease = (unwrap(asked.result).leases ?? []).map(extract)
    const ended = once(child, 'close')
    const caller = callerOf(did, socket, lease)
    unwrap((await invoke(caller, vault, 'put', { bytes: 40, fate: 'keep' })).result)
    await assert.rejects(invoke(caller, vault, 'put', { bytes: 60, fate: 'die' }), { name: 'Unavailable' })
    assert.deepEqual((await ended)[1], 'SIGKILL')

    const next = await startHost(dir, program)
    const again = callerOf(next.did, next.socket, lease)
    const { error } = (await invoke(again, vault, 'put', { bytes: 61, fate: 'keep' })).result
    assert.deepEqual([error?.name, error?.used], ['LimitExceeded', 40])
    unwrap((await invoke(again, vault, 'put', { bytes: 60, fate: 'keep' })).result)
    next.child.kill('SIGKILL')
    await once(next.child, 'close')
  })
})
