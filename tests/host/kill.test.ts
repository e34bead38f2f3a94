import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Caller, decodeReceipts, encodeInvocations, invoke, issueUcan, type Proof, readReceipt, type Ucan } from '@symbiosis/protocol'
import { type Logged, verifyLogged } from '@symbiosis/protocol/revocation'
import { jar } from '../attacks/jar.ts'
import { alice, folders, phone } from '../fixtures.ts'
import { type Checkpoints, callerOf, handOut, lease, mustContinue, takeBack, unixTime } from './calling.ts'
import { KILLS, killed, startHost } from './processes.ts'

/** What a client was told, and must find again. */
interface Told {
  things: Set<string>
  counted: Map<string, { call: Ucan; count: number }>
  revoked: { device: Proof; log: Logged }[]
  leases: Proof[]
  checkpoints: Checkpoints
}

describe('a host that is killed at any moment', () => {
  const folder = folders()

  it('has lost nothing that it acknowledged', async () => {
    // Two hosts beside each other: starting them is what takes the time.
    await Promise.all([KILLS / 2, KILLS / 2].map((kills) => killAndKill(folder(), kills)))
  }).timeout(60_000 + 2000 * KILLS)
})

const killAndKill = async (dir: string, kills: number): Promise<void> => {
  const told: Told = { things: new Set(), counted: new Map(), revoked: [], leases: [], checkpoints: new Map() }
  let [thing, used] = [0, 0]
  for (let kill = 0; kill < kills; kill++) {
    const { child, did, socket } = await startHost(dir)
    const caller = callerOf(did, socket, told.leases.slice(0, 1))
    if (kill % 10 === 0) await check(caller, told)
    const total = () => told.things.size + told.counted.size + told.revoked.length + told.leases.length
    const before = total()
    const stopped = new AbortController()
    const client = async (work: () => Promise<void>) => {
      while (!stopped.signal.aborted) {
        try {
          await work()
        } catch {
          return // the host is gone
        }
      }
    }
    if (told.leases.length === 0) told.leases.push(await lease(caller))
    const calling = { ...caller, proofs: told.leases.slice(0, 1) }
    const clients = [
      ...Array.from({ length: 4 }, () => client(() => put(calling, told, `t${thing++}`))),
      client(() => count(calling, told)),
      client(() => revoke(calling, told)),
      client(async () => {
        told.leases.push(await lease(calling))
      }),
    ]
    // Mostly while answers come in; now and then at whatever the host does before.
    for (let waited = 0; kill % 5 !== 0 && total() === before && waited < 200; waited++) await sleep(10)
    await sleep(Math.random() * 100)
    await killed(child)
    stopped.abort()
    await Promise.all(clients)
    used += total() > before ? 1 : 0
  }
  const { child, did, socket } = await startHost(dir)
  await check(callerOf(did, socket, told.leases.slice(0, 1)), told)
  await killed(child)
  assert.ok(used > kills / 2, `in ${used} rounds of ${kills} something was acknowledged before the kill`)
  console.log(
    `      ${kills} kills: ${told.things.size} things, ${told.counted.size} calls, ${told.revoked.length} revocations, ${told.leases.length} leases, ${told.checkpoints.size} checkpoints`,
  )
}

const put = async (caller: Caller, told: Told, thing: string): Promise<void> => {
  const { result } = await invoke(caller, jar, 'put', { thing, size: 1 })
  assert.equal(result.error, undefined)
  told.things.add(thing)
}

const countWith = async (caller: Caller, call: Ucan): Promise<number> => {
  const answer = await caller.channel.request(
    encodeInvocations(
      [call],
      caller.proofs.map(({ ucan }) => ucan),
    ),
  )
  const block = decodeReceipts(answer).get(String(call.cid))
  assert.ok(block)
  return readReceipt<{ count: number }>(block, call.cid, caller.host).out.ok?.count as number
}

const count = async (caller: Caller, told: Told): Promise<void> => {
  const call = await issueUcan(caller.signer, {
    audience: caller.host,
    capabilities: [{ can: 'jar/count', with: caller.subject, nb: {} }],
    expiration: unixTime() + 590,
    nonce: crypto.randomUUID(),
    proofs: caller.proofs.map(({ ucan }) => ucan.cid),
  })
  told.counted.set(String(call.cid), { call, count: await countWith(caller, call) })
}

const revoke = async (caller: Caller, told: Told): Promise<void> => {
  const each = await takeBack(caller)
  told.revoked.push(each)
  handOut(told.checkpoints, verifyLogged(each.log, { host: caller.host, ucan: each.device.ucan.cid, by: alice.did }).checkpoint)
}

/** Everything that was told is so: things are there, calls are not run again, what was revoked is, leases hold. */
const check = async (caller: Caller, told: Told): Promise<void> => {
  if (told.leases.length === 0) return
  const [{ result }, counts] = await Promise.all([
    invoke(caller, jar, 'look', {}),
    Promise.all([...told.counted.values()].map(async ({ call, count: first }) => [await countWith(caller, call), first])),
  ])
  const found = new Set(result.ok?.things)
  assert.deepEqual(
    [...told.things].filter((thing) => !found.has(thing)),
    [],
    'things were lost',
  )
  for (const [again, first] of counts) assert.equal(again, first, 'a call ran twice, or lost its answer')
  assert.equal(new Set(counts.map(([again]) => again)).size, counts.length)
  const some = told.revoked.slice(-200)
  const refused = await Promise.all(
    some.map(({ device }) => invoke({ ...caller, signer: phone, proofs: [...caller.proofs, device] }, jar, 'look', {})),
  )
  for (const each of refused) assert.equal(each.result.error?.name, 'Revoked')
  await mustContinue(caller, told.checkpoints)
  for (const each of told.leases.slice(-20)) {
    assert.equal((await invoke({ ...caller, proofs: [each] }, jar, 'look', {})).result.error, undefined)
  }
}
