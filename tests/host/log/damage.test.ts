import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Failure, type Proof } from '@symbiosis/protocol'
import { alice, folders, given, phone, World } from '../../fixtures.ts'

const REVOKED = 12
const FLIPS = 120

describe('a damaged log', () => {
  const folder = folders()
  let dir: string
  let lease: Proof
  const revoked: Proof[] = []
  /** What was signed when the log was half as long. */
  let older: Uint8Array

  before(async () => {
    dir = folder()
    const world = await World.open({ dir })
    lease = await world.lease(alice)
    for (let count = 0; count < REVOKED; count++) {
      const proof = await given(alice, phone, alice.did)
      await world.call(alice, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [lease], attach: [proof] })
      revoked.push(proof)
      if (count !== REVOKED / 2) continue
      const database = new DatabaseSync(join(dir, 'host.sqlite'), { readOnly: true })
      older = database.prepare("SELECT value FROM records WHERE kind = 'log/head'").get()?.value as Uint8Array
      database.close()
    }
    await world.close()
    // All of it in one file, as after a start.
    const database = new DatabaseSync(join(dir, 'host.sqlite'))
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
  })

  /** Opens a copy that was changed: the code that it is refused with, or whether everything that was revoked still is. */
  const opened = async (change: (path: string) => void): Promise<string> => {
    const copy = folder()
    cpSync(dir, copy, { recursive: true })
    change(join(copy, 'host.sqlite'))
    let world: World | undefined
    try {
      world = await World.open({ dir: copy })
      for (const proof of revoked) {
        const { error } = await world.call(phone, { subject: alice.did, proofs: [proof, lease] })
        if (error?.name !== 'Revoked') return `open, and answers ${error?.name ?? 'ok'}`
      }
      return 'whole'
    } catch (thrown) {
      if (thrown instanceof Failure) return thrown.name
      throw thrown
    } finally {
      await world?.close()
    }
  }

  const withDatabase = (change: (database: DatabaseSync) => void) => (path: string) => {
    const database = new DatabaseSync(path)
    change(database)
    database.close()
  }

  it('is found at the start, wherever a bit has flipped: nothing that was revoked comes back', async () => {
    const bytes = readFileSync(join(dir, 'host.sqlite'))
    const answers = new Map<string, number>()
    for (let flip = 0; flip < FLIPS; flip++) {
      const at = Math.floor((flip / FLIPS) * bytes.length) + (flip % 7)
      const answer = await opened((path) => {
        const bent = Uint8Array.from(bytes)
        bent[at] = (bent[at] as number) ^ (1 << (flip % 8))
        writeFileSync(path, bent)
      })
      assert.ok(['whole', 'Unavailable'].includes(answer), `byte ${at}: ${answer}`)
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
    }
    assert.ok((answers.get('Unavailable') ?? 0) > 0, 'some flips are found')
  }).timeout(120_000)

  it('is found where the file ends too early', async () => {
    const { length } = readFileSync(join(dir, 'host.sqlite'))
    const answers = []
    for (const part of [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99]) {
      answers.push(await opened((path) => truncateSync(path, Math.floor(length * part))))
    }
    // What is cut off at the end may be an index that nothing asks.
    assert.deepEqual(
      answers.filter((answer) => answer !== 'Unavailable' && answer !== 'whole'),
      [],
    )
    assert.equal(answers[0], 'Unavailable')
  })

  it('is found where records are gone, or are older ones', async () => {
    const deletes = (where: string) => opened(withDatabase((database) => database.exec(`DELETE FROM records WHERE ${where}`)))
    assert.equal(await deletes("kind = 'log/head'"), 'Unavailable')
    assert.equal(await deletes("kind IN ('log/head', 'log/told')"), 'Unavailable', 'evidence lies beyond its end')
    assert.equal(await deletes("kind IN ('log/head', 'log/evidence')"), 'Unavailable', 'and so does what is told of entries')
    assert.equal(await deletes("kind LIKE 'log/%'"), 'Unavailable', 'and what revocations themselves were told as')
    assert.equal(await deletes("kind = 'log/bundle'"), 'Unavailable')
    const change = withDatabase((database) => database.prepare("UPDATE records SET value = ? WHERE kind = 'log/head'").run(older))
    assert.equal(await opened(change), 'Unavailable')
    // What the log still says needs no record beside it.
    assert.equal(await deletes("kind IN ('revocation', 'log/told')"), 'whole')
  })

  it('says how to go on', async () => {
    const copy = folder()
    cpSync(dir, copy, { recursive: true })
    withDatabase((database) => database.exec("DELETE FROM records WHERE kind = 'log/bundle'"))(join(copy, 'host.sqlite'))
    await assert.rejects(
      World.open({ dir: copy }),
      (thrown: Failure) => thrown.name === 'Unavailable' && /backup/.test(thrown.toRefusal().hint ?? ''),
    )
    // It was left as it is, for whoever restores it.
    assert.ok(readdirSync(copy).includes('host.sqlite'))
  })
})
