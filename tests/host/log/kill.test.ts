import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, invoke, type Proof, unwrap } from '@symbiosis/protocol'
import { log, logKeyOf, originOf, verifyCheckpoint } from '@symbiosis/protocol/revocation'
import type { Host } from '../../../host/index.ts'
import { jar } from '../../attacks/jar.ts'
import { folders, phone } from '../../fixtures.ts'
import { type Checkpoints, callerOf, handOut, lease, mustContinue, takeBack } from '../calling.ts'
import { createJarHost, KILLS, killed, startHost } from '../processes.ts'
import { soon } from './network.ts'

const FOLLOWER = join(import.meta.dirname, 'following-host.ts')
const RECOVERER = join(import.meta.dirname, 'recovering-host.ts')
/** Each of these starts two hosts or three: an ordinary run has time for some. */
const SOME = KILLS > 50 ? KILLS : 10
/** Revocations that one start finds. */
const AT_ONCE = 4

describe('a host that is killed', () => {
  const folder = folders()
  let followed: Host
  let url: string
  let caller: ReturnType<typeof callerOf>

  beforeEach(async () => {
    const { host, socket } = await createJarHost(folder())
    followed = host
    url = `unix:${socket}`
    caller = callerOf(host.did, socket, [])
    caller = { ...caller, proofs: [await lease(caller)] }
  })
  afterEach(() => followed.close())

  it('while it takes over from another log goes on where it was', async () => {
    const dir = folder()
    const revoked: Proof[] = []
    const checkpoints: Checkpoints = new Map()
    let imported = 0
    for (let kill = 0; kill < SOME; kill++) {
      // What it finds at its start, and what comes while it watches.
      for (let count = 0; count < AT_ONCE; count++) revoked.push((await takeBack(caller)).device)
      const { child, did, socket } = await startHost(dir, FOLLOWER, url)
      const watching = callerOf(did, socket, [])
      if (kill % 10 === 0) await mustContinue(watching, checkpoints)
      const before = checkpoints.size
      const dying = async () => {
        // Mostly while it takes over; now and then at whatever it does before.
        for (let waited = 0; kill % 4 !== 0 && checkpoints.size === before && waited < 200; waited++) await sleep(10)
        await sleep(Math.random() * 40)
        await killed(child)
      }
      await Promise.all([dying(), look(watching, checkpoints), takeBack(caller).then(({ device }) => revoked.push(device))])
      imported += checkpoints.size > before ? 1 : 0
    }
    const { child, did, socket } = await startHost(dir, FOLLOWER, url)
    const last = { ...callerOf(did, socket, []) }
    await soon(async () => (await head(last)).size, revoked.length)
    const given = await lease(last)
    for (const device of revoked.filter((_, at) => at % 7 === 0)) {
      const { result } = await invoke({ ...last, signer: phone, proofs: [given, device] }, jar, 'look', {})
      assert.equal(result.error?.name, 'Revoked')
    }
    await mustContinue(last, checkpoints)
    await killed(child)
    assert.ok(imported > SOME / 4, `in ${imported} rounds of ${SOME} something was taken over before the kill`)
    console.log(`      ${SOME} kills: ${revoked.length} revocations taken over, ${checkpoints.size} checkpoints`)
  }).timeout(60_000 + 5000 * SOME)

  it('while it has its log back has that of before, or all of it', async () => {
    const dir = folder()
    const proofs: Proof[] = []
    const { host, socket } = await createJarHost(dir)
    const { host: follower, socket: other } = await createJarHost(folder(), { follow: [`unix:${socket}`] })
    const told = callerOf(host.did, socket, [])
    const telling = { ...told, proofs: [await lease(told)] }
    for (let count = 0; count < 40; count++) proofs.push((await takeBack(telling)).device)
    await soon(() => follower.followed()[0]?.size, proofs.length)
    await host.close()
    const database = new DatabaseSync(join(dir, 'host.sqlite'))
    database.exec("DELETE FROM records WHERE kind = 'log/bundle'")
    database.close()

    const ends = { before: 0, after: 0 }
    const back = async (copy: string, stop?: number): Promise<number> => {
      const { child } = await startHost(copy, RECOVERER, `unix:${other}`)
      const began = performance.now()
      const ended = once(child, 'close')
      if (stop !== undefined) await sleep(stop)
      if (stop !== undefined) child.kill('SIGKILL')
      await ended
      return performance.now() - began
    }
    const bent = (): string => {
      const copy = folder()
      cpSync(dir, copy, { recursive: true })
      return copy
    }
    const whole = await back(bent())
    for (let kill = 0; kill < SOME; kill++) {
      const copy = bent()
      await back(copy, Math.random() * 1.1 * whole)
      const isDone = await opens(copy, proofs.length)
      ends[isDone ? 'after' : 'before']++
      // Once more, and it comes to the end whatever it was killed at.
      if (!isDone) {
        await back(copy)
        assert.ok(await opens(copy, proofs.length))
      }
      assert.ok(existsSync(join(copy, 'host.sqlite.damaged-1')))
    }
    assert.ok(ends.before > 0, 'some kills came before the end')
    console.log(`      ${SOME} kills: the log of before in ${ends.before}, all of it in ${ends.after}`)
    await follower.close()
  }).timeout(60_000 + 10_000 * SOME)
})

/** Asks for checkpoints until the host is gone. */
const look = async (caller: ReturnType<typeof callerOf>, checkpoints: Checkpoints): Promise<void> => {
  try {
    for (;;) handOut(checkpoints, await head(caller))
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown
  }
}

const head = async (caller: ReturnType<typeof callerOf>) => {
  const { checkpoint, key } = unwrap((await invoke(caller, log, 'checkpoint', {})).result)
  return verifyCheckpoint(checkpoint, { origin: originOf(caller.host), keys: [logKeyOf(caller.host, key)] })
}

/** Whether a host opens with all of its log; one that doesn't says so, and never opens with less. */
const opens = async (dir: string, entries: number): Promise<boolean> => {
  try {
    const { host } = await createJarHost(dir)
    assert.equal(await host.revocationLog.size(), entries)
    await host.close()
    return true
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.name === 'Unavailable') return false
    throw thrown
  }
}
