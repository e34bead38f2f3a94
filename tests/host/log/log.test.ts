import assert from 'node:assert/strict'
import { decode, httpChannel, StreamReader, streamUntil } from '@symbiosis/protocol'
import {
  decodeEntries,
  decodeEntry,
  encodeTile,
  type LogFrame,
  type Logged,
  leafHash,
  logKeyOf,
  originOf,
  rootAt,
  tilePath,
  tileReader,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
  verifyLogged,
} from '@symbiosis/protocol/revocation'
import { alice, bob, expect, given, mallory, messageOf, phone, setTheStage } from '../../fixtures.ts'

describe("a host's log of revocations", () => {
  const stage = setTheStage()

  const trusted = (note: string, key: Uint8Array) =>
    verifyCheckpoint(note, { origin: originOf(stage.world.did), keys: [logKeyOf(stage.world.did, key)] })

  /** Revokes something new of alice's, and gives what proves it. */
  const revoke = async () => {
    const { world, lease } = stage
    const proof = await given(alice, phone, alice.did)
    const { ok } = await world.call(alice, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [lease], attach: [proof] })
    assert.ok(ok)
    return { ucan: proof.ucan.cid, log: ok.log as Logged }
  }

  const call = async <T>(can: string, nb: object) => {
    const { ok, error } = await stage.world.call(mallory, { can, nb: nb as never })
    assert.equal(error, undefined)
    return ok as T
  }

  it('has every revocation at its acknowledgement, and proves it to whoever holds the receipt', async () => {
    const { did } = stage.world
    for (let index = 0; index < 5; index++) {
      const { ucan, log } = await revoke()
      assert.equal(log.index, index)
      const { entry, checkpoint } = verifyLogged(log, { host: did, ucan, by: alice.did })
      assert.equal(checkpoint.size, index + 1)
      assert.equal(entry.expiration, stage.device.ucan.expiration)
    }
  })

  it('proves nothing else by it', async () => {
    const { did } = stage.world
    const { ucan, log } = await revoke()
    const claim = { host: did, ucan, by: alice.did }
    const refuses = (over: Partial<Logged>, about: Partial<typeof claim> = {}, name = 'BadSignature') =>
      assert.throws(() => verifyLogged({ ...log, ...over }, { ...claim, ...about }), { name })
    refuses({}, { ucan: stage.device.ucan.cid })
    refuses({}, { by: bob.did })
    refuses({}, { host: bob.did })
    const { checkpoint } = await call<{ checkpoint: string }>('log/checkpoint', {})
    const { log: next } = await revoke()
    refuses({ entry: next.entry })
    refuses({ index: next.index, proof: next.proof, checkpoint: next.checkpoint })
    refuses({ checkpoint: checkpoint.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`) })
    refuses({ proof: log.proof.map((hash) => Uint8Array.from(hash, (byte) => byte ^ 1)) })
    refuses({ proof: [...log.proof, new Uint8Array(32)] }, {}, 'Malformed')
  })

  it('only grows: each checkpoint continues all earlier ones', async () => {
    const { log: first } = await revoke()
    const older = trusted(first.checkpoint, first.key)
    for (let count = 0; count < 8; count++) {
      const { log } = await revoke()
      const newer = trusted(log.checkpoint, log.key)
      const { size, proof } = await call<{ size: number; proof: Uint8Array[] }>('log/consistency', { from: older.size })
      assert.equal(size, newer.size)
      assert.ok(verifyConsistency({ from: older.size, to: size, proof, fromRoot: older.root, toRoot: newer.root }))
    }
  })

  it('proves every entry at every size', async () => {
    const { checkpoint, key } = await call<{ checkpoint: string; key: Uint8Array }>('log/checkpoint', {})
    const { size, root } = trusted(checkpoint, key)
    const { entries } = await call<LogFrame>('log/entries', { from: 0 })
    assert.equal(entries.length, size)
    for (const [index, { leaf }] of entries.entries()) {
      const { proof } = await call<{ proof: Uint8Array[] }>('log/inclusion', { index })
      assert.ok(verifyInclusion({ index, size, leaf: leafHash(leaf), proof, root }))
      const then = await call<{ size: number; proof: Uint8Array[] }>('log/inclusion', { index, size: index + 1 })
      assert.equal(then.size, index + 1)
    }
  })

  it('has what no log has refused', async () => {
    const { world } = stage
    const ask = (can: string, nb: object) => world.call(mallory, { can, nb: nb as never })
    await expect(ask('log/inclusion', { index: 10_000 }), 'NotFound', { field: 'index' })
    await expect(ask('log/inclusion', { index: 0, size: 10_000 }), 'NotFound', { field: 'size' })
    await expect(ask('log/consistency', { from: 10_000 }), 'NotFound', { field: 'from' })
    await expect(ask('log/consistency', { from: 0 }), 'InvalidInput')
    await expect(ask('log/entries', { from: 10_000 }), 'NotFound', { field: 'from' })
  })

  it('carries with an entry the call that says so', async () => {
    const { ucan, log } = await revoke()
    const { entries } = await call<LogFrame>('log/entries', { from: log.index })
    const [{ leaf, evidence } = { leaf: new Uint8Array() }] = entries
    assert.deepEqual(leaf, log.entry)
    const entry = decodeEntry(leaf)
    assert.ok(entry.kind === 'revocation' && entry.ucan.equals(ucan))
    assert.ok(Buffer.from(evidence ?? []).includes(Buffer.from(entry.cause.bytes)), 'the invocation is there')
  })

  it('is followed as it grows, until the follower leaves', async () => {
    const { world } = stage
    const { checkpoint, key } = await call<{ checkpoint: string; key: Uint8Array }>('log/checkpoint', {})
    const { size } = trusted(checkpoint, key)
    const { url = '' } = await world.host.listen()
    const leaving = new AbortController()
    const watch = await world.invocation(mallory, { can: 'log/watch', nb: { from: size } })
    const { body } = await httpChannel(url).open(messageOf([watch], [watch]), { signal: leaving.signal })
    assert.ok(body)
    const reader = new StreamReader(streamUntil(body, leaving.signal))
    for (let index = size; index < size + 3; index++) {
      const { log } = await revoke()
      const frame = decode((await reader.section(1024 * 1024, 'frame')) as Uint8Array) as unknown as LogFrame
      assert.equal(frame.from, index)
      assert.deepEqual(frame.entries[0]?.leaf, log.entry)
      assert.equal(trusted(frame.checkpoint, key).size, index + 1)
    }
    leaving.abort()
    await assert.rejects(reader.section(1, 'frame'))
  })

  it('stands there as files for any follower of such logs', async () => {
    const { url = '' } = await stage.world.host.listen()
    const get = async (path: string) => {
      const response = await fetch(`${url}/log/${path}`)
      assert.equal(response.headers.get('access-control-allow-origin'), response.ok ? '*' : null)
      return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()), cache: response.headers.get('cache-control') }
    }
    const { key } = await call<{ key: Uint8Array }>('log/checkpoint', {})
    const note = await get('checkpoint')
    assert.equal(note.cache, 'no-store')
    const { size, root } = trusted(new TextDecoder().decode(note.bytes), key)
    const read = tileReader(size, async (tile) => (await get(tilePath(tile))).bytes)
    assert.deepEqual(await rootAt(size, read), root)
    const bundle = await get(tilePath({ level: 'entries', index: 0, width: size }))
    assert.match(bundle.cache ?? '', /immutable/)
    const leaves = decodeEntries(bundle.bytes, size).map(leafHash)
    assert.deepEqual((await get(tilePath({ level: 0, index: 0, width: size }))).bytes, encodeTile(leaves))
    for (const none of ['tile/0/000', `tile/0/000.p/${size + 1}`, 'tile/1/000', 'tile/0/1', 'tile/0/../../healthz', 'other']) {
      assert.equal((await get(none)).status, 404, none)
    }
  })
})
