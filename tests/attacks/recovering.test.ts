import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { decode, encode, Failure, generateSeed, type LocalSigner, type Proof, signerFromSeed } from '@symbiosis/protocol'
import { decodeFork, originOf, verifyFork } from '@symbiosis/protocol/revocation'
import { openIdentity } from '../../host/identity.ts'
import { type Recovered, type RecoverOptions, recoverHost } from '../../host/index.ts'
import { alice, expect, folders, given, NOW, phone, World } from '../fixtures.ts'
import { revokeAt, taken } from '../host/log/network.ts'
import { type Entries, revocationOf } from './lying-host.ts'
import { type Shown, showing, signed } from './showing.ts'

const REVOKED = 6

describe('a follower from whom a host has its log back', () => {
  const folder = folders()
  const revoked: Proof[] = []
  let whole: string
  let entries: Entries
  let key: Uint8Array
  let logSigner: LocalSigner

  before(async () => {
    whole = folder()
    const world = await World.open({ dir: whole })
    revoked.length = 0
    for (let count = 0; count < REVOKED; count++) revoked.push(await revokeAt(world))
    ;({ entries } = await world.host.revocationLog.frame(0))
    key = world.host.revocationLog.key
    await world.close()
    logSigner = openIdentity(whole).logSigner
  })

  /** A folder of that host whose store lacks some records. */
  const without = (...where: string[]): string => {
    const dir = folder()
    cpSync(whole, dir, { recursive: true })
    const database = new DatabaseSync(join(dir, 'host.sqlite'))
    for (const each of where) database.exec(`DELETE FROM records WHERE ${each}`)
    database.close()
    return dir
  }
  const noBundles = "kind = 'log/bundle'"

  const recovering = async (dir: string, shown: Shown[], over: Partial<RecoverOptions> = {}): Promise<Recovered> =>
    recoverHost({ dir, ...showing(shown, key), now: () => NOW, ...over })

  /** As the host itself would sign it, unless told otherwise. */
  const sign = (some: Entries, over: { origin?: string; by?: LocalSigner } = {}): Promise<string> =>
    signed(some, { origin: originOf(openIdentity(whole).signer.did), by: logSigner, ...over })
  const honest = async (count = REVOKED): Promise<Shown> => {
    const some = entries.slice(0, count)
    return { entries: some, checkpoint: await sign(some) }
  }
  const refused = (recovered: Promise<Recovered>, code: string, details: Record<string, unknown> = {}) =>
    expect(
      recovered.then(() => ({ ok: {} })),
      code,
      details,
    )

  /** It is as it was: nothing that a follower says costs what there is. */
  const isLeft = async (dir: string): Promise<void> => {
    assert.ok(existsSync(join(dir, 'host.sqlite')))
    assert.ok(!existsSync(join(dir, 'host.sqlite.damaged-1')))
    await assert.rejects(World.open({ dir }), { name: 'Unavailable' })
  }

  const refuses = async (dir: string, proofs: readonly Proof[]): Promise<void> => {
    const world = await World.open({ dir })
    for (const proof of proofs) assert.equal(await taken(world, proof), 'Revoked')
    await world.close()
  }

  it('gives all of it', async () => {
    const dir = without(noBundles)
    const { size, lost, own } = await recovering(dir, [await honest()])
    assert.deepEqual([size, lost, own], [REVOKED, 0, 0])
    await refuses(dir, revoked)
  })

  it('gives another entry than the host has logged', async () => {
    const dir = without(noBundles)
    const bent = [...entries]
    bent[2] = await revocationOf(alice, await given(alice, phone, alice.did))
    const { checkpoint } = await honest()
    await refused(recovering(dir, [{ entries: bent, checkpoint }]), 'BadSignature', { field: 'root' })
    await isLeft(dir)
    // Another one makes up for it.
    const { size } = await recovering(dir, [{ entries: bent, checkpoint }, await honest()])
    assert.equal(size, REVOKED)
  })

  it('has signed the log itself, or gives the one of another host', async () => {
    const dir = without(noBundles)
    const by = signerFromSeed(generateSeed())
    await refused(recovering(dir, [{ entries, checkpoint: await sign(entries, { by }) }]), 'BadSignature')
    await refused(recovering(dir, [{ entries, checkpoint: await sign(entries, { origin: originOf(by.did), by }) }]), 'BadSignature')
    await isLeft(dir)
  })

  it('keeps the last entries back: what is left of them here is enough', async () => {
    for (const where of [noBundles, "kind = 'revocation'"]) {
      const dir = without(where)
      const { size, lost, own } = await recovering(dir, [await honest(4)])
      assert.deepEqual([size, lost, own], [REVOKED, 0, 2])
      await refuses(dir, revoked)
    }
  })

  it('keeps the last entries back, and nothing is left of them: how many is told, and nothing is done', async () => {
    const dir = without(noBundles, "kind = 'revocation'")
    await refused(recovering(dir, [await honest(4)]), 'StaleLog', { field: 'acceptLoss', limit: 4, asked: REVOKED, lost: 2 })
    await isLeft(dir)
    // Each of two followers may have less than the other.
    const { size } = await recovering(dir, [await honest(3), await honest()])
    assert.equal(size, REVOKED)
  })

  it('keeps the last entries back, and what is left of them was changed: that is none of the log', async () => {
    const dir = without(noBundles)
    const database = new DatabaseSync(join(dir, 'host.sqlite'))
    const rows = database.prepare("SELECT key, value FROM records WHERE kind = 'revocation'").all() as { key: string; value: Uint8Array }[]
    for (const { key, value } of rows) {
      const kept = decode(value) as { index: number }
      // The last two change places.
      const bent = encode({ ...kept, index: kept.index < 4 ? kept.index : 9 - kept.index })
      database.prepare("UPDATE records SET value = ? WHERE kind = 'revocation' AND key = ?").run(bent, key)
    }
    database.close()
    await refused(recovering(dir, [await honest(4)]), 'StaleLog', { field: 'acceptLoss', lost: 2 })
    await isLeft(dir)
  })

  it('keeps the last entries back, and what was signed last is gone: nobody can say that nothing is lost', async () => {
    for (const count of [4, REVOKED]) {
      const dir = without("kind LIKE 'log/%'")
      await refused(recovering(dir, [await honest(count)]), 'StaleLog', { field: 'acceptLoss', lost: undefined })
      await isLeft(dir)
    }
  })

  it('has less than was acknowledged, and its owner accepts it: what is left of the rest stays refused', async () => {
    const last = JSON.stringify(String((revoked.at(-1) as Proof).ucan.cid)).slice(1, -1)
    const dir = without(noBundles, `kind = 'revocation' AND key = '${last}'`)
    const { size, lost, again } = await recovering(dir, [await honest(3)], { acceptLoss: true })
    assert.deepEqual([size, lost, again], [5, 3, 2])
    await refuses(dir, revoked.slice(0, 5))
    const world = await World.open({ dir })
    assert.equal(await taken(world, revoked.at(-1) as Proof), 'ok')
    await world.close()
  })

  it('had not come to the end', async () => {
    const dir = without(noBundles)
    const { checkpoint } = await honest()
    await refused(recovering(dir, [{ entries: entries.slice(0, 4), checkpoint }]), 'Unavailable', { asked: 4, limit: REVOKED })
    // That there were more, the checkpoint says, though another follower has fewer.
    const gone = without("kind LIKE 'log/%'", "kind = 'revocation'")
    await refused(recovering(gone, [{ entries: entries.slice(0, 4), checkpoint }, await honest(3)]), 'StaleLog', { asked: REVOKED })
  })

  it('has what the host signed in contradiction to what is here: that is proved', async () => {
    const other = await revocationOf(alice, await given(alice, phone, alice.did))
    const rewritten = [...entries.slice(0, 4), other, ...entries.slice(5)]
    for (const longer of [rewritten, [...rewritten, other]]) {
      const dir = without(noBundles)
      const checkpoint = await sign(longer)
      let path: unknown
      await assert.rejects(recovering(dir, [{ entries: longer, checkpoint }], { acceptLoss: true }), (thrown: unknown) => {
        assert.ok(thrown instanceof Failure)
        path = thrown.details.path
        return thrown.name === 'BadSignature' && thrown.details.field === 'fork'
      })
      const { older, newer } = verifyFork(decodeFork(readFileSync(path as string)))
      assert.deepEqual([older.size, newer.size], [REVOKED, longer.length])
      await isLeft(dir)
    }
  })
})
